"""The admin's forms for passwords: one's own, and another account's."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminPasswordChangeForm as OwnPasswordChangeForm
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from core.errors import InvalidInput
from core.http.proxies import client_address
from users import services
from users.models import User

GONE = "The owner has just deleted this account."


class _OfLivingAccount(forms.Form):
    user: Any

    def save(self, commit: bool = True) -> User:
        """Raises PermissionDenied when the owner deleted the account since the page was asked for."""
        with transaction.atomic():
            if not User.objects.select_for_update().filter(pk=self.user.pk, deleted_at=None).exists():
                raise PermissionDenied(GONE)
            user: User = super().save(commit)  # type: ignore[misc]
            return user


class OtherPasswordForm(_OfLivingAccount, AdminPasswordChangeForm):  # type: ignore[type-arg]
    """Sets the password of another account."""


class OwnPasswordForm(_OfLivingAccount, OwnPasswordChangeForm):
    """Changes one's own. A wrong old password counts as a failed sign-in, as in the APIs."""

    # The client's network address.
    address = ""

    def clean_old_password(self) -> str:
        password: str = self.cleaned_data["old_password"]
        try:
            is_right = services.knows_password(self.user, self.user.email_folded, password, self.address)
        except InvalidInput as error:
            raise ValidationError(str(error)) from None
        if not is_right:
            raise ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return password


class _OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def get_form(self, form_class: Any = None) -> Any:
        form: Any = super().get_form(form_class)
        form.address = client_address(self.request)
        return form


def change_own_password(request: HttpRequest) -> HttpResponseBase:
    """The admin's page "Change password"."""
    view = _OwnPasswordView.as_view(
        success_url=reverse("admin:password_change_done"),
        template_name="registration/password_change_form.html",
        extra_context=admin.site.each_context(request),
    )
    return view(request)
