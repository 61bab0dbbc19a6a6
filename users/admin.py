"""Accounts and outgoing mail in the admin."""

from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse

from core.auth.admin import PolicyAdmin
from core.auth.policy import Permission
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin
from core.http.proxies import client_address
from users import services, validators
from users.addresses import fold_email
from users.mail import outbox
from users.models import OutgoingMail, User
from users.policy import may_give_rights, may_manage


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


class _UniqueEmail:
    """Refuses any spelling of an address that has an account. No form shows the unique column."""

    def clean_email(self) -> str:
        """The address as typed. Raises ValidationError for a known or impossible address."""
        email: str = self.cleaned_data["email"]  # type: ignore[attr-defined]
        try:
            validators.checked_email(email)
        except InvalidInput as error:
            raise ValidationError(str(error)) from None
        others = User.objects.filter(email_folded=fold_email(email)).exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        if others.exists():
            raise ValidationError("There is an account with this e-mail address already.", code="unique")
        return email


class UserAddForm(_UniqueEmail, AdminUserCreationForm):
    class Meta:
        model = User
        fields = ["email", "first_name", "last_name"]


class UserEditForm(_UniqueEmail, UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(PolicyAdmin, CheckedInputAdmin, DjangoUserAdmin):
    form = UserEditForm
    add_form = UserAddForm
    ordering = ["email_folded"]
    list_display = ["email", "first_name", "last_name", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    search_fields = ["email", "first_name", "last_name"]
    actions = ["deactivate"]
    readonly_fields = ["last_login", "date_joined"]
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
        """The accounts in which every word occurs, in any case. The flag says that there are no duplicate rows."""
        for word in search_term.split():
            name = Q(first_name__icontains=word) | Q(last_name__icontains=word)
            queryset = queryset.filter(Q(email_folded__contains=fold_email(word)) | name)
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


@admin.register(OutgoingMail)
class OutgoingMailAdmin(PolicyAdmin, CheckedInputAdmin):
    """The outbox, read-only. Failed and uncertain mails can be sent again."""

    list_display = ["id", "kind", "user", "status", "due_at", "attempts", "sent_at", "reason"]
    list_filter = ["status", "kind"]
    list_select_related = ["user"]
    search_fields = ["user__email_folded"]
    date_hierarchy = "due_at"
    actions = ["send_again"]
    fields = readonly_fields = (
        "kind",
        "user",
        "status",
        "reason",
        "due_at",
        "attempts",
        "claimed_at",
        "created_at",
        "sent_at",
    )

    @admin.action(description="Send again (failed and uncertain ones)", permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        due = outbox.send_again(queryset)
        skipped = queryset.count() - due
        level = messages.WARNING if skipped else messages.SUCCESS
        note = f"; {skipped} were left alone: neither failed nor uncertain, or the account is gone" if skipped else ""
        self.message_user(request, f"{due} mails are due again{note}.", level)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return Permission("change", OutgoingMail).is_held_by(request.user)

    def has_add_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        """Nobody: mails are enqueued by the services."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        """Nobody: the record of sent mails stays."""
        return False
