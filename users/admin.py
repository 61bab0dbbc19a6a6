"""Accounts and their mail in Django's admin: Django's own UserAdmin, for an account that is its e-mail address."""

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
    """The admin's sign-in: guesses count, together with those at the other doors."""

    retry_after: int | None = None

    def clean(self) -> dict[str, str]:
        """The credentials, when they are right and of the staff. Raises ValidationError."""
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


_sign_in = admin.site.login


def sign_in(request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
    """The admin's sign-in page: 429 with Retry-After for too many attempts, as REST has it."""
    response = _sign_in(request, extra_context)
    form = (getattr(response, "context_data", None) or {}).get("form")
    if form is not None and form.retry_after:
        response.status_code = 429
        response["Retry-After"] = str(form.retry_after)
    return response


admin.site.login_form = SignInForm
admin.site.login = sign_in  # type: ignore[method-assign]


class _UniqueEmail:
    """Refuses an address that has an account however it is spelled; the unique column is one that no form shows."""

    def clean_email(self) -> str:
        """The address as typed. Raises ValidationError for a known one, and for what can be none."""
        email: str = self.cleaned_data["email"]  # type: ignore[attr-defined]
        try:
            validators.checked_email(email)
        except InvalidInput as error:
            raise ValidationError(str(error)) from None
        known = User.objects.filter(email_folded=fold_email(email)).exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        if known.exists():
            raise ValidationError("There is an account with this e-mail address already.", code="unique")
        return email


class UserAddForm(_UniqueEmail, AdminUserCreationForm):
    """A new account: the address and a password, or none."""

    class Meta:
        model = User
        fields = ["email", "first_name", "last_name"]


class UserEditForm(_UniqueEmail, UserChangeForm):
    """A known account."""

    class Meta:
        model = User
        fields = "__all__"


@admin.register(User)
class UserAdmin(PolicyAdmin, CheckedInputAdmin, DjangoUserAdmin):
    """Accounts by e-mail address."""

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
        """Shuts the accounts that the user may change; all their tokens end at once."""
        users = [user for user in queryset if self.has_change_permission(request, user)]
        for user in users:
            services.deactivate(user=user)
        self.message_user(request, f"{len(users)} accounts were deactivated.", messages.SUCCESS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """As the policy of accounts says."""
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """As the policy of accounts says."""
        return super().has_delete_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """The rights too, for whoever may not give them."""
        rights = ["is_staff", "is_superuser", "groups", "user_permissions"]
        return [*super().get_readonly_fields(request, obj), *([] if may_give_rights(request.user) else rights)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """The accounts in which every word occurs, addresses in any case; the flag says that no row occurs twice."""
        for word in search_term.split():
            name = Q(first_name__icontains=word) | Q(last_name__icontains=word)
            queryset = queryset.filter(Q(email_folded__contains=fold_email(word)) | name)
        return queryset, False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(PolicyAdmin, CheckedInputAdmin, DjangoGroupAdmin):
    """Groups of permissions, "Shop staff" among them."""

    def has_add_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Whoever may give rights."""
        return may_give_rights(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Whoever may give rights."""
        return may_give_rights(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Whoever may give rights."""
        return may_give_rights(request.user)


@admin.register(OutgoingMail)
class OutgoingMailAdmin(PolicyAdmin, CheckedInputAdmin):
    """The outbox, to look at; failed and uncertain mails can be sent again."""

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
        """Makes them due now."""
        again = outbox.send_again(queryset)
        left = queryset.count() - again
        level = messages.WARNING if left else messages.SUCCESS
        words = f"; {left} were left alone: neither failed nor uncertain, or the account is gone" if left else ""
        self.message_user(request, f"{again} mails are due again{words}.", level)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """Whoever may change mails."""
        return Permission("change", OutgoingMail).is_held_by(request.user)

    def has_add_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        """Mails are written by what causes them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: OutgoingMail | None = None) -> bool:
        """What was sent stays known."""
        return False
