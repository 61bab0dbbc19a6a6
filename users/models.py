"""Accounts that sign in by e-mail, the refresh tokens of their devices, and their outgoing mail."""

import uuid
from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from core.db.fields import BinaryCharField
from core.history.querysets import TrackedQuerySet
from core.jobs.job import DUE, Job
from users.addresses import fold_email


class UserQuerySet(TrackedQuerySet["User"]):
    def update(self, **changes: Any) -> int:
        """As Django's, but an update that may deactivate accounts ends all their tokens."""
        if changes.get("is_active", True) is not True:
            changes.setdefault("token_generation", F("token_generation") + 1)
        return super().update(**changes)


class UserManager(BaseUserManager["User"]):
    """Makes accounts, and finds them by any spelling of their e-mail address."""

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new account. Without a password it cannot sign in. Raises IntegrityError for a known address."""
        user = self.model(email=email.strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A new account with every right, for `manage.py createsuperuser`."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """The account of any spelling of an e-mail address. Raises User.DoesNotExist."""
        return self.get(email_folded=fold_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Its address is stored as typed; the folded form is unique."""

    email = models.EmailField("e-mail address", max_length=254)
    email_folded = BinaryCharField(max_length=254, unique=True, editable=False)
    first_name = models.CharField(max_length=150, blank=True, default="")
    last_name = models.CharField(max_length=150, blank=True, default="")
    is_staff = models.BooleanField("staff", default=False, help_text="May use the admin and change the catalogue.")
    is_active = models.BooleanField("active", default=True, help_text="Off: cannot sign in, and tokens stop at once.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    # Every token and every session carries this number. Raising it ends all of them at once.
    token_generation = models.PositiveIntegerField(default=0, editable=False)
    # When its owner deleted the account, which erased what is personal (users.deletion).
    deleted_at = models.DateTimeField("deleted", null=True, editable=False)

    # The values that this object was read with.
    _stored: dict[str, Any] = {}

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.email

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> "User":
        user = super().from_db(*args, **kwargs)
        user._stored = user._values()
        return user

    def refresh_from_db(self, using: Any = None, fields: Any = None, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(using, fields, *args, **kwargs)
        self._remember(fields)

    def _remember(self, names: Collection[str] | None) -> None:
        """Takes the values of these fields, None for all, for those that are stored."""
        values = self._values()
        self._stored = {**self._stored, **{name: values[name] for name in values if names is None or name in names}}

    def _values(self) -> dict[str, Any]:
        """By the field's name, without those that were not read."""
        return {
            field.name: self.__dict__[field.attname]
            for field in self._meta.concrete_fields
            if field.attname in self.__dict__
        }

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves, and updates the folded address. A new password or deactivation ends all tokens and sessions.

        Only what was set on this object is written: the account may have been changed, or erased, since it was read.
        The token generation is never written back.
        """
        if self._state.adding or kwargs.get("force_insert"):
            self.email_folded = fold_email(self.email)
            with transaction.atomic(using=kwargs.get("using")):
                super().save(*args, **kwargs)
            self._remember(None)
            return
        names = kwargs.get("update_fields")
        if names is None:
            values = self._values()
            names = {name for name in values if name not in self._stored or values[name] != self._stored[name]} - {"id"}
        if "email" in names:
            self.email_folded = fold_email(self.email)
            names = {*names, "email_folded"}
        kwargs["update_fields"] = {*names} - {"token_generation"}
        raw_password: str | None = self._password  # type: ignore[attr-defined]
        is_new_password = raw_password is not None or not self.has_usable_password()
        ends_tokens = ("is_active" in names and not self.is_active) or ("password" in names and is_new_password)
        with transaction.atomic(using=kwargs.get("using")):
            super().save(*args, **kwargs)
            if ends_tokens:
                self.end_tokens()
        self._remember(names)

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """Includes the token generation, so that the admin's sessions end together with the tokens."""
        password_hash: str = super()._get_session_auth_hash(secret=secret)  # type: ignore[misc]
        return f"{password_hash}{self.token_generation}"

    def end_tokens(self) -> None:
        """Ends every access and refresh token and every session of the account, at once."""
        User.objects.filter(pk=self.pk).update(token_generation=F("token_generation") + 1)
        self.refresh_from_db(fields=["token_generation"])


class TokenFamily(models.Model):
    """The refresh tokens of one sign-in on one device.

    The family ends when it is revoked, or when its generation is no longer the account's.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="token_families")
    generation = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "token families"

    def __str__(self) -> str:
        return str(self.id)


class RefreshToken(models.Model):
    """A refresh token, stored as its hash. Using it spends it."""

    family = models.ForeignKey(TokenFamily, models.CASCADE, related_name="tokens")
    digest = BinaryCharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)
    spent_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.family_id}/{self.pk}"


class OutgoingMail(Job):
    """A mail to an account. Its text is generated when it is sent, and never stored."""

    class Kind(models.TextChoices):
        WELCOME = "WELCOME", "welcome"
        PASSWORD_RESET = "PASSWORD_RESET", "password reset"
        EMAIL_CHANGE = "EMAIL_CHANGE", "new address"
        EMAIL_CHANGED = "EMAIL_CHANGED", "address changed"

    class Status(models.TextChoices):
        """DUE → CLAIMED → HANDING_OVER → SENT; or FAILED; or UNCERTAIN, when the server's answer did not arrive."""

        DUE = "DUE", "due"
        CLAIMED = "CLAIMED", "claimed"
        HANDING_OVER = "HANDING_OVER", "handing over"
        SENT = "SENT", "sent"
        FAILED = "FAILED", "failed"
        UNCERTAIN = "UNCERTAIN", "uncertain"

    status = models.CharField(max_length=16, choices=Status.choices, default=DUE, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices, editable=False)
    # Null when the account was deleted, or was not looked up by `asked_for` yet.
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="mails", editable=False)
    # The folded address that a reset was requested for, until its account is looked up. No mail is sent to it.
    asked_for = BinaryCharField(max_length=254, blank=True, default="", editable=False)
    # Where the mail goes if that is not the account's stored address: an address to confirm, or the former one.
    address = models.EmailField(max_length=254, blank=True, default="", db_default="", editable=False)
    # Of a link to confirm an address: what it holds for (users.email_links). Empty when it has been used.
    binding = BinaryCharField(max_length=64, blank=True, default="", db_default="", editable=False)
    # Part of the Message-ID, which stays the same when the mail is sent again.
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # For a member of the staff who wants to see this kind of mail: made-up variables, and links that open nothing.
    is_sample = models.BooleanField("sample", default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-due_at", "-id"]
        verbose_name = "mail"
        indexes = [models.Index(name="mail_by_status_due", fields=["status", "due_at", "id"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} mail {self.pk}"
