"""The apps' models alone: nothing that Vitrine does at its start."""

from django.apps import AppConfig


class Core(AppConfig):
    name = "core"


class Users(AppConfig):
    name = "users"


class Catalog(AppConfig):
    name = "catalog"


class Cart(AppConfig):
    name = "cart"
