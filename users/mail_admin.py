"""The outbox in the admin: what was sent and what was not, "Send again", and how each kind of mail looks."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import Truncator
from django.views.decorators.http import require_POST, require_safe

from core.auth.admin import ReadOnlyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin
from users.addresses import address_matches
from users.mail import services
from users.mail.content import sample_content
from users.mail.names import greeted_name
from users.mail.rendering import BrokenTemplateError
from users.mail.waiting import MailWaitingFilter
from users.models import OutgoingMail
from users.policy import SEND_MAIL

Kind, Status = OutgoingMail.Kind, OutgoingMail.Status
EXPLANATIONS = {
    Status.DUE: "waits for its time, or for another try",
    Status.CLAIMED: "a worker has it",
    Status.HANDING_OVER: "a worker is handing it over to the mail server",
    Status.SENT: "the mail server took it",
    Status.FAILED: "was not sent, and will not be until somebody sends it again",
    Status.UNCERTAIN: "may have arrived or not: sent again it may arrive twice",
}
MAX_SHOWN_REASON = 120


def can_be_sent_again(mail: OutgoingMail) -> bool:
    return mail.status in (Status.FAILED, Status.UNCERTAIN) and (mail.user_id is not None or bool(mail.asked_for))


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin, CheckedInputAdmin):
    """The outbox, read-only. Failed and uncertain mails can be sent again."""

    change_list_template = "users/mail_list.html"
    change_form_template = "users/mail_page.html"
    list_display = ["title", "user", "status", "short_reason", "due_at", "sent_at"]
    list_filter = ["status", "kind", MailWaitingFilter]
    # The newest first. No index serves another order of all mails.
    ordering = ["-pk"]
    sortable_by = ()
    list_select_related = ["user"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["user__email_folded"]
    search_help_text = "Part of the address."
    actions = ["send_again"]
    fields = readonly_fields = (
        *("title", "user", "state", "reason", "due_at", "attempts", "claimed_at", "created_at", "sent_at"),
    )

    def get_urls(self) -> list[URLPattern]:
        def own(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            return path(route, self.admin_site.admin_view(view), name=f"users_outgoingmail_{name}")

        return [
            own("<int:mail_id>/send-again/", self.send_again_view, "send_again"),
            own("preview/", self.previews_view, "previews"),
            own("preview/<str:kind>/", self.preview_view, "preview"),
            own("preview/<str:kind>/html/", self.preview_html_view, "preview_html"),
            own("preview/<str:kind>/send/", self.send_sample_view, "send_sample"),
            *super().get_urls(),
        ]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        if self.has_send_again_permission(request):
            columns.insert(columns.index("status") + 1, "send_again_button")
        return columns

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        mail = self.get_object(request, object_id)
        may_send = mail is not None and can_be_sent_again(mail) and self.has_send_again_permission(request)
        return super().change_view(request, object_id, form_url, {"may_send_again": may_send, **(extra_context or {})})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OutgoingMail], search_term: str
    ) -> tuple[QuerySet[OutgoingMail], bool]:
        """The mails to accounts in whose address every word occurs. The flag says that there are no duplicate rows."""
        for word in search_term.split():
            queryset = queryset.filter(address_matches(word, "user__email_folded"))
        return queryset, False

    @admin.display(description="mail")
    def title(self, mail: OutgoingMail) -> str:
        return f"{mail}, a sample" if mail.is_sample else str(mail)

    @admin.display(description="state")
    def state(self, mail: OutgoingMail) -> str:
        return f"{mail.get_status_display()}: {EXPLANATIONS[Status(mail.status)]}"

    @admin.display(description="reason")
    def short_reason(self, mail: OutgoingMail) -> str:
        return Truncator(mail.reason).chars(MAX_SHOWN_REASON)

    @admin.display(description="")
    def send_again_button(self, mail: OutgoingMail) -> str:
        """A button of the list's own form, which has the token against forged requests."""
        if not can_be_sent_again(mail):
            return ""
        address = reverse("admin:users_outgoingmail_send_again", args=[mail.pk])
        return format_html('<input type="submit" value="Send again" formaction="{}">', address)

    @admin.action(description="Send again (failed and uncertain ones)", permissions=["send_again"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutgoingMail]) -> None:
        total = queryset.count()
        due = services.send_again(actor=request.user, mails=queryset)
        skipped = total - due
        level = messages.WARNING if skipped else messages.SUCCESS
        note = f"; {skipped} were left alone: neither failed nor uncertain, or the account is gone" if skipped else ""
        self.message_user(request, f"{due} mails are due again{note}.", level)

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        return SEND_MAIL.is_held_by(request.user)

    @method_decorator(require_POST)
    def send_again_view(self, request: HttpRequest, mail_id: int) -> HttpResponse:
        """The button "Send again" of the list and of a mail's page, which it goes back to."""
        self._check(self.has_send_again_permission(request))
        if services.send_again(actor=request.user, mails=OutgoingMail.objects.filter(pk=mail_id)):
            self.message_user(request, "The mail is due again: a worker sends it within a minute.", messages.SUCCESS)
        else:
            self.message_user(request, "Nothing was done: this mail is not failed or uncertain now.", messages.WARNING)
        before = request.headers.get("Referer", "")
        is_ours = url_has_allowed_host_and_scheme(before, {request.get_host()}, require_https=request.is_secure())
        return HttpResponseRedirect(before if is_ours else reverse("admin:users_outgoingmail_changelist"))

    @method_decorator(require_safe)
    def previews_view(self, request: HttpRequest) -> HttpResponse:
        self._check(self.has_view_permission(request))
        return HttpResponseRedirect(_preview_of(Kind.WELCOME))

    @method_decorator(require_safe)
    def preview_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """How a kind of mail looks, with made-up variables."""
        self._check(self.has_view_permission(request))
        chosen, content, problem = _kind(kind), None, ""
        try:
            content = sample_content(chosen, name=_name(request))
        except BrokenTemplateError as error:
            problem = str(error)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Mails to look at: {chosen.label}",
            "kinds": [(one.label, _preview_of(one), one is chosen) for one in Kind],
            "slug": kind,
            "content": content,
            "problem": problem,
            "may_send": self.has_send_again_permission(request),
            "has_own_templates": settings.MAIL_TEMPLATES_DIR is not None,
        }
        return TemplateResponse(request, "users/mail_preview.html", context)

    @method_decorator(require_safe)
    def preview_html_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """The HTML of a sample for the frame of its page. It runs no script and has an origin of its own."""
        self._check(self.has_view_permission(request))
        try:
            html = sample_content(_kind(kind), name=_name(request)).html
        except BrokenTemplateError as error:
            raise Http404(str(error)) from error
        # Links open beside the admin, not within the frame.
        response = HttpResponse(html.replace("<head>", '<head><base target="_blank">', 1))
        site = urlsplit(settings.SITE_URL)
        response["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'unsafe-inline'; img-src https: data: {site.scheme}://{site.netloc}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
            "sandbox allow-popups allow-popups-to-escape-sandbox"
        )
        response["X-Frame-Options"] = "SAMEORIGIN"
        return response

    @method_decorator(require_POST)
    def send_sample_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """The button "Send to me"."""
        self._check(self.has_send_again_permission(request))
        try:
            mail = services.send_sample(actor=request.user, kind=_kind(kind))
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, f"A sample is on its way to {mail.user}.", messages.SUCCESS)
        return HttpResponseRedirect(_preview_of(_kind(kind)))

    def _check(self, allowed: bool) -> None:
        if not allowed:
            raise PermissionDenied


def _kind(slug: str) -> OutgoingMail.Kind:
    """The kind of an address's part such as "password-reset". Raises Http404."""
    try:
        return Kind(slug.upper().replace("-", "_"))
    except ValueError:
        raise Http404("There is no such kind of mail.") from None


def _preview_of(kind: OutgoingMail.Kind) -> str:
    return reverse("admin:users_outgoingmail_preview", args=[kind.lower().replace("_", "-")])


def _name(request: HttpRequest) -> str:
    return greeted_name(getattr(request.user, "first_name", "")) or "Ann"
