"""Who may do what in the admin: every page, action and inline of every registered model needs its permission."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.models import Permission as AuthPermission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from cart.models import Cart
from catalog.images.models import ImageStatus
from catalog.images.services import image_upload
from catalog.images.tests.pictures import jpeg
from catalog.models import (
    Attribute,
    AttributeValue,
    Brand,
    BulkChange,
    Category,
    ImportJob,
    Product,
    ProductGroup,
    ProductImage,
    SearchCount,
    SearchRule,
    Synonym,
)
from catalog.tests.factories import BrandFactory, CategoryFactory, ProductFactory
from core.auth.admin import PolicyAdmin
from core.auth.policy import SYSTEM, Permission
from core.tests.actors import SHOP_STAFF, actor, holder, permission, state
from users.models import OutgoingMail, User
from users.tests.factories import UserFactory, employee

pytestmark = pytest.mark.django_db
ADMINS = list(admin.site._registry.items())
NAMES = [model._meta.label_lower for model, _ in ADMINS]
# All that the admin could change.
MODELS = [*(model for app in ("catalog", "cart", "users") for model in apps.get_app_config(app).get_models()), Group]


@pytest.fixture
def rows(db):
    """A row of every model in the admin that nothing protects."""
    image = image_upload(actor=SYSTEM, product_id=ProductFactory().pk, file=SimpleUploadedFile("a.jpg", jpeg(40, 30)))
    ProductImage.objects.update(status=ImageStatus.FAILED)
    shopper = UserFactory()
    colour = Attribute.objects.create(name="Colour", slug="colour")
    group = ProductGroup.objects.create(name="Sofa", slug="sofa")
    mail = {"kind": OutgoingMail.Kind.WELCOME, "user": UserFactory(), "due_at": timezone.now(), "status": "FAILED"}
    return {
        Product: ProductFactory(is_active=True, group=group),
        Attribute: Attribute.objects.create(name="Width", slug="width", kind="NUMBER"),
        AttributeValue: AttributeValue.objects.create(attribute=colour, text="red"),
        ProductGroup: ProductGroup.objects.create(name="Shirt", slug="shirt"),
        Category: CategoryFactory(),
        Brand: BrandFactory(),
        ProductImage: image.image,
        Synonym: Synonym.objects.create(terms="sofa\ncouch"),
        SearchRule: SearchRule.objects.create(query="sofa"),
        Cart: Cart.objects.create(pk=(user := UserFactory()).pk, user=user),
        User: shopper,
        OutgoingMail: OutgoingMail.objects.create(**mail),
        Group: Group.objects.create(name="Others"),
        BulkChange: BulkChange.objects.create(kind="ARCHIVE", status="DONE", size=1),
        ImportJob: ImportJob.objects.create(file_name="products.csv", bytes=1),
        SearchCount: SearchCount.objects.create(
            day=timezone.now().date(), text="lamp", typed="lamp", searches=1, without_hits=0
        ),
    }


def client_of(user):
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def place(model, *parts):
    return "/".join(["/admin", model._meta.app_label, model._meta.model_name, *map(str, parts), ""])


def pages(model, row):
    """Each page of a model with the permission that it wants."""
    return {
        "view": [place(model), place(model, row.pk, "change"), place(model, row.pk, "history")],
        "add": [place(model, "add")],
        "delete": [place(model, row.pk, "delete")],
    }


def permission_of(model, action):
    return f"{model._meta.app_label}.{action}_{model._meta.model_name}"


def test_every_page_and_inline_asks_the_policy():
    for model, page in ADMINS:
        assert isinstance(page, PolicyAdmin), model
        assert all(issubclass(inline, PolicyAdmin) for inline in page.inlines), model


@pytest.mark.parametrize(("model", "page"), ADMINS, ids=NAMES)
@pytest.mark.slow
def test_a_page_opens_to_its_permission_alone(rows, model, page):
    """Whatever opens to a superuser opens to a holder of that permission and to nobody else, in reading and sending."""
    owner, row = client_of(actor("superuser")), rows[model]
    rights = {action: holder(permission_of(model, action)) for action in ("view", "add", "change", "delete")}
    shoppers = [client_of(actor("shopper")), client_of(actor("shopper with all"))]
    unprivileged = [*shoppers, client_of(actor("staff"))]
    before = state(*MODELS)
    for action, paths in pages(model, row).items():
        others = actor("staff with the others", permission_of(model, action))
        if action == "view":
            others.user_permissions.remove(permission(permission_of(model, "change")))
        for path in paths:
            open_to_all = owner.get(path).status_code == 200
            for held, user in rights.items():
                seen = client_of(user).get(path).status_code
                allowed = Permission(action, model).is_held_by(user) and open_to_all
                # Django's accounts: whoever adds one must be allowed to change them too.
                allowed &= ((model, action) != (User, "add") and model is not Group) or action == "view"
                assert seen == (200 if allowed else 403), (path, held)
            for client in (*unprivileged, client_of(others)):
                assert client.get(path).status_code in (302, 403), path
            response = client_of(None).get(path)
            assert response.status_code == 302
            assert "/login/" in response["Location"]
    for path in (place(model, row.pk, "change"), place(model, row.pk, "delete"), place(model, "add")):
        for client in (client_of(rights["view"]), *unprivileged):
            assert client.post(path, {"post": "yes"}).status_code in (302, 403)
    assert without_actors(state(*MODELS)) == without_actors(before)


@pytest.mark.parametrize(("model", "page"), ADMINS, ids=NAMES)
def test_an_action_wants_its_permission(rows, rf, model, page):
    """Each that a superuser is offered changes nothing for those who may only look, and for shoppers."""
    request = rf.get("/")
    request.user = actor("superuser")
    # Deletion last: the others want the row.
    for name in sorted(page.get_actions(request), key="delete_selected".__eq__):
        form = {"action": name, "_selected_action": [rows[model].pk], "post": "yes"}
        viewer = holder(permission_of(model, "view"))
        shopper = actor("shopper with all")
        before = state(*MODELS)
        for user in (viewer, shopper, None):
            client_of(user).post(place(model), form)
        assert state(*MODELS) == before, name
        client_of(request.user).post(place(model), form)
        assert state(*MODELS) != before, name


def test_pictures_in_a_products_page_want_their_own_permission(rows):
    """Whoever may change products alone can neither add nor describe a picture there."""
    image = rows[ProductImage]
    product = image.product
    form = {
        **{"name": product.name, "slug": product.slug, "description": "", "price": "11.00", "quantity": "1"},
        **{"category": product.category_id, "brand": product.brand_id, "is_active": "on"},
        **{"created_at_0": "2024-05-01", "created_at_1": "12:00:00"},
        **{f"images-{image.pk}-alt": "mine now", f"images-{image.pk}-alt_was": ""},
    }

    def send(*names):
        given = {**form, "images-files": SimpleUploadedFile("b.jpg", jpeg(30, 40))}
        return client_of(holder(*names)).post(place(Product, product.pk, "change"), given)

    before = state(ProductImage)
    # Without any permission for pictures they are no part of the page.
    assert send("catalog.change_product").status_code == 302
    assert b"This needs the permission" in send("catalog.change_product", "catalog.view_productimage").content
    assert state(ProductImage) == before
    assert Product.objects.get(pk=product.pk).price == 11
    pictures = [f"catalog.{action}_productimage" for action in ("add", "change", "delete", "view")]
    assert send(*pictures).status_code == 403
    assert send("catalog.view_product", *pictures).status_code == 403
    assert state(ProductImage) == before
    assert send("catalog.change_product", *pictures).status_code == 302
    assert set(ProductImage.objects.values_list("alt", flat=True)) == {"mine now", ""}


def test_an_employee_sees_catalogue_carts_and_mails_and_nothing_else(rows):
    client = client_of(employee())
    shown = {model["object_name"] for app in client.get("/admin/").context["app_list"] for model in app["models"]}
    assert shown == {
        *("Product", "Category", "Brand", "ProductImage", "ImportJob", "BulkChange"),
        *("Attribute", "AttributeValue", "ProductGroup", "Synonym", "SearchRule", "SearchCount", "Cart"),
        "OutgoingMail",
    }
    for model, row in rows.items():
        seen = client.get(place(model, row.pk, "change")).status_code
        assert seen == (403 if model in (User, Group) else 200), model
    assert client.get(place(Product, "add")).status_code == 200
    assert client.get(place(Cart, "add")).status_code == 403


class TestRights:
    """Whoever may change accounts gains no rights by it."""

    ACCOUNTS = [f"users.{action}_user" for action in ("add", "change", "delete", "view")]
    GROUPS = [f"auth.{action}_group" for action in ("add", "change", "delete", "view")]

    @pytest.fixture
    def keeper(self):
        return holder(*self.ACCOUNTS, *self.GROUPS)

    def test_a_shoppers_account_is_changed_without_its_rights(self, keeper):
        shopper = UserFactory()
        form = {"email": "new@example.com", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
        form |= {"groups": [Group.objects.get().pk], "user_permissions": [AuthPermission.objects.first().pk]}
        assert client_of(keeper).post(place(User, shopper.pk, "change"), form).status_code == 302
        shopper.refresh_from_db()
        assert (shopper.email, shopper.is_staff, shopper.is_superuser) == ("new@example.com", False, False)
        assert not shopper.groups.exists()
        assert not shopper.user_permissions.exists()

    @pytest.mark.parametrize("path", ["change", "password", "delete"])
    @pytest.mark.parametrize("whose", ["superuser", "employee", "one's own"])
    def test_accounts_of_staff_are_for_superusers(self, keeper, whose, path):
        account = {"superuser": lambda: actor("superuser"), "employee": employee, "one's own": lambda: keeper}[whose]()
        password = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
        form = {"email": "mine@example.com", "is_active": "on", "is_superuser": "on", "post": "yes", **password}
        before = state(User)
        client = client_of(keeper)
        assert client.post(place(User, account.pk, path), form).status_code == 403
        for action in ("deactivate", "delete_selected"):
            client.post(place(User), {"action": action, "_selected_action": [account.pk], "post": "yes"})
        assert state(User) == before

    def test_groups_are_for_superusers(self, keeper):
        group = Group.objects.get()
        form = {"name": "Mine", "permissions": [AuthPermission.objects.first().pk]}
        client = client_of(keeper)
        assert client.post(place(Group, "add"), form).status_code == 403
        assert client.post(place(Group, group.pk, "change"), form).status_code == 403
        assert client.post(place(Group, group.pk, "delete"), {"post": "yes"}).status_code == 403
        assert {f"{each.content_type.app_label}.{each.codename}" for each in group.permissions.all()} == SHOP_STAFF


def without_actors(text):
    """The state without accounts, of which the test makes some as it goes."""
    return text.partition('"model": "users.user"')[0]
