from catalog.admin import catalogue as catalogue
