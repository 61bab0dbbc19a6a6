"""Accounts in the admin. Their mail is in users.mail_admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from core.admin.versions import VersionedAdmin, VersionedForm
from core.auth.admin import PolicyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin
from core.http.proxies import client_address
from users import mail_admin, services, validators  # noqa: F401 - registers the mails
from users.addresses import address_matches, fold_email
from users.models import User
from users.password_forms import OtherPasswordForm
from users.policy import may_give_rights, may_manage

DELETED = "The owner deleted this account, which erased what was personal. It cannot be changed or brought back."


class SignInForm(AdminAuthenticationForm):
    """The admin's sign-in form. Its failures are counted together with those of the APIs."""

    retry_after: int | None = None

    def clean(self) -> dict[str, str]:
        """Raises ValidationError unless the credentials are right and belong to staff."""
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password and self.request is not None:
            address = client_address(self.request)
            try:
                self.user_cache = services.check_credentials(email=email, password=password, address=address)
            except InvalidInput as error:
                self.retry_after = getattr(error, "retry_after", None)
                raise ValidationError(str(error)) from None
            self.user_cache.backend = "django.contrib.auth.backends.ModelBackend"
            self.confirm_login_allowed(self.user_cache)
        return self.cleaned_data


admin.site.login_form = SignInForm


def sign_in(request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
    """The admin's sign-in page. After too many attempts it answers 429 with Retry-After, as REST does."""
    response = admin.site.login(request, extra_context)
    form = (getattr(response, "context_data", None) or {}).get("form")
    if form is not None and form.retry_after:
        response.status_code = 429
        response["Retry-After"] = str(form.retry_after)
    return response


class _UniqueEmail(forms.ModelForm):
    """Refuses any spelling of an address that has an account. No form shows the unique column."""

    def clean_email(self) -> str:
        """The address as typed. Raises ValidationError for a known or impossible address."""
        email: str = self.cleaned_data["email"]
        try:
            validators.checked_email(email)
        except InvalidInput as error:
            raise ValidationError(str(error)) from None
        others = User.objects.filter(email_folded=fold_email(email)).exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError("There is an account with this e-mail address already.", code="unique")
        return email


class UserAddForm(_UniqueEmail, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["email", "first_name", "last_name"]


class UserEditForm(_UniqueEmail, VersionedForm, UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"  # noqa: DJ007 - UserAdmin.fieldsets chooses


@admin.register(User)
class UserAdmin(PolicyAdmin, VersionedAdmin, CheckedInputAdmin, DjangoUserAdmin):
    form = UserEditForm
    add_form = UserAddForm
    change_password_form = OtherPasswordForm
    ordering = ["email_folded"]
    list_display = ["email", "first_name", "last_name", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["email", "first_name", "last_name"]
    search_help_text = "Parts of the address or the name."
    actions = ["deactivate"]
    readonly_fields = ["last_login", "date_joined", "deleted_at"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Person", {"fields": ["first_name", "last_name"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups", "user_permissions"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "first_name", "last_name", "usable_password", "password1", "password2"]}),
    ]

    @admin.action(description="Deactivate selected accounts", permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Deactivates the accounts that the user may change. All their tokens end at once."""
        users = [user for user in queryset if self.has_change_permission(request, user)]
        for user in users:
            services.deactivate(user=user)
        self.message_user(request, f"{len(users)} accounts were deactivated.", messages.SUCCESS)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is not None and obj.deleted_at is not None:
            return [(None, {"fields": ["date_joined", "deleted_at"], "description": DELETED})]
        return super().get_fieldsets(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """Adds the rights for users who may not give them."""
        rights = ["is_staff", "is_superuser", "groups", "user_permissions"]
        return [*super().get_readonly_fields(request, obj), *([] if may_give_rights(request.user) else rights)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """The accounts in which every word occurs, in any case. The flag says that there are no duplicate rows.

        A word such as ann@sh is the beginning of an address, which its index finds.
        """
        for word in search_term.split():
            if "@" in word[1:]:
                queryset = queryset.filter(address_matches(word))
                continue
            name = Q(first_name__icontains=word) | Q(last_name__icontains=word)
            queryset = queryset.filter(address_matches(word) | name)
        return queryset, False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(PolicyAdmin, CheckedInputAdmin, DjangoGroupAdmin):
    """Groups of permissions, "Shop staff" among them."""

    def has_add_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return may_give_rights(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return may_give_rights(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return may_give_rights(request.user)
