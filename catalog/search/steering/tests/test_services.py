"""Staff write synonyms and rules: who may, what is refused, and what two who write at once get."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from catalog.models import RuleProduct, SearchRule, SteeringVersion, Synonym
from catalog.search.steering import checks, selectors, services
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import RuleMatch, SynonymKind
from catalog.search.steering.selectors import SnapshotCache, read_snapshot
from catalog.tests.factories import CategoryFactory, ProductFactory
from core.auth.policy import SYSTEM
from core.errors import ErrorCode, InvalidInput
from core.tests.actors import ACTORS, actor, holder, may, state

pytestmark = pytest.mark.django_db
TV = SynonymInput(kind=SynonymKind.ONE_WAY, term="tv", terms=["television"])


def rule(query="lamp", match=RuleMatch.EQUALS, **fields) -> RuleInput:
    return RuleInput(query=query, match=match, **fields)


def refused(function, **arguments) -> dict[str, ErrorCode]:
    """The codes of the refusal by field; nothing was changed."""
    before = state(Synonym, SearchRule, RuleProduct)
    with pytest.raises(InvalidInput) as error:
        function(**{"actor": SYSTEM, **arguments})
    assert state(Synonym, SearchRule, RuleProduct) == before
    return {".".join(each.path): each.code for each in error.value.field_errors}


WRITES = {
    "catalog.add_synonym": lambda **by: services.create_synonym(synonym=TV, **by),
    "catalog.change_synonym": lambda **by: services.update_synonym(
        synonym_id=Synonym.objects.get().pk, version=1, synonym=TV, **by
    ),
    "catalog.delete_synonym": lambda **by: services.delete_synonyms(ids=[Synonym.objects.get().pk], **by),
    "catalog.add_searchrule": lambda **by: services.create_rule(rule=rule(redirect=CategoryFactory().pk), **by),
    "catalog.change_searchrule": lambda **by: services.update_rule(
        rule_id=SearchRule.objects.get().pk, version=1, rule=rule("rug", redirect=CategoryFactory().pk), **by
    ),
    "catalog.delete_searchrule": lambda **by: services.delete_rules(ids=[SearchRule.objects.get().pk], **by),
}


@pytest.mark.parametrize("needed", WRITES)
@pytest.mark.parametrize("kind", [*(kind for kind in ACTORS if kind not in ("nobody", "ended")), "holder"])
def test_each_write_wants_its_permission(needed, kind):
    services.create_synonym(actor=SYSTEM, synonym=TV)
    services.create_rule(actor=SYSTEM, rule=rule(redirect=CategoryFactory().pk))
    user = holder(needed) if kind == "holder" else actor(kind, needed)
    if may(kind, needed):
        before = state(Synonym, SearchRule)
        WRITES[needed](actor=user)
        assert state(Synonym, SearchRule) != before or "change" in needed
    else:
        assert refused(WRITES[needed], actor=user) == {"": ErrorCode.FORBIDDEN}


class TestSynonyms:
    def test_is_kept_as_typed_without_superfluous_space(self):
        given = SynonymInput(kind=SynonymKind.ONE_WAY, term="  T.V. ", terms=["Fernseh  gerät", " テレビ"])
        row = services.create_synonym(actor=SYSTEM, synonym=given)
        row.refresh_from_db()
        assert (row.term, row.terms.splitlines()) == ("T.V.", ["Fernseh gerät", "テレビ"])
        assert str(row) == "T.V. → Fernseh gerät, テレビ"

    @pytest.mark.parametrize(
        ("fields", "errors"),
        [
            ({"term": ""}, {"term": "REQUIRED"}),
            ({"term": "…!"}, {"term": "INVALID"}),
            ({"term": "a b c d e f"}, {"term": "INVALID"}),
            ({"term": "x" * 101}, {"term": "INVALID"}),
            ({"term": "a\0"}, {"term": "INVALID"}),
            ({"terms": []}, {"terms": "REQUIRED"}),
            ({"terms": ["TV"]}, {"terms": "INVALID"}),
            ({"terms": ["t-v", "T V"]}, {"terms": "INVALID"}),
            ({"terms": ["\u200b"]}, {"terms": "INVALID"}),
            ({"terms": ["\ud800"]}, {"terms": "INVALID"}),
            ({"terms": ["1 2 3 4 5 6"]}, {"terms": "INVALID"}),
            ({"terms": [f"t{n}" for n in range(21)]}, {"terms": "LIMIT_EXCEEDED"}),
            ({"term": "", "terms": []}, {"term": "REQUIRED", "terms": "REQUIRED"}),
            ({"kind": SynonymKind.BOTH_WAYS}, {"term": "INVALID", "terms": "REQUIRED"}),
            ({"kind": SynonymKind.BOTH_WAYS, "term": "", "terms": ["a"]}, {"terms": "REQUIRED"}),
            ({"kind": SynonymKind.BOTH_WAYS, "term": "", "terms": ["Möbel", "mobel"]}, {"terms": "INVALID"}),
        ],
    )
    def test_refuses(self, fields, errors):
        given = SynonymInput(**{"kind": SynonymKind.ONE_WAY, "term": "tv", "terms": ["television"], **fields})
        assert refused(services.create_synonym, synonym=given) == errors

    def test_takes_terms_of_every_script_up_to_the_bounds(self):
        terms = ["🛋", "沙发", "диван", "أريكة", "โซฟา", "c++", "a b c d e", "x" * 100, *(f"t{n}" for n in range(12))]
        assert len(terms) == checks.MAX_TERMS
        row = services.create_synonym(actor=SYSTEM, synonym=SynonymInput(kind=SynonymKind.BOTH_WAYS, terms=terms))
        row.refresh_from_db()
        assert row.terms.splitlines() == terms


class TestRules:
    @pytest.mark.parametrize(
        ("fields", "errors"),
        [
            ({"query": ""}, {"query": "REQUIRED"}),
            ({"query": " " * 3000}, {"query": "REQUIRED"}),
            ({"query": "?!"}, {"query": "INVALID"}),
            ({"query": "x" * 201}, {"query": "INVALID"}),
            ({"query": " ".join(str(n) for n in range(51))}, {"query": "INVALID"}),
            ({"query": "\ud800"}, {"query": "INVALID"}),
            ({"redirect": None}, {"": "REQUIRED"}),
            ({"redirect": 999_999}, {"redirect": "NOT_FOUND"}),
            ({"pinned": [999_999]}, {"pinned": "NOT_FOUND"}),
            ({"hidden": [999_999]}, {"hidden": "NOT_FOUND"}),
            ({"pinned": [1, 1]}, {"pinned": "INVALID"}),
            ({"pinned": [1], "hidden": [2, 1]}, {"hidden": "INVALID"}),
            ({"pinned": list(range(21))}, {"pinned": "LIMIT_EXCEEDED"}),
            ({"hidden": list(range(101))}, {"hidden": "LIMIT_EXCEEDED"}),
            (
                {"active_from": timezone.now(), "active_until": timezone.now() - timedelta(1)},
                {"active_until": "INVALID"},
            ),
        ],
    )
    def test_refuses(self, fields, errors):
        given = {"redirect": CategoryFactory().pk, **fields}
        assert refused(services.create_rule, rule=rule(**given)) == errors

    def test_keeps_the_order_of_pins_and_replaces_all(self):
        lamps, home = ProductFactory.create_batch(4), CategoryFactory()
        ids = [lamp.pk for lamp in lamps]
        row = services.create_rule(actor=SYSTEM, rule=rule(pinned=[ids[2], ids[0]], hidden=[ids[1]]))
        assert read_snapshot().rules[row.pk].pinned == [ids[2], ids[0]]
        given = rule("rug", RuleMatch.CONTAINS, pinned=[ids[0], ids[1]], hidden=[ids[2]], redirect=home.pk)
        services.update_rule(actor=SYSTEM, rule_id=row.pk, version=1, rule=given)
        assert read_snapshot().rules[row.pk] == given

    def test_survives_its_products_and_its_category(self):
        pinned, hidden, home = ProductFactory(), ProductFactory(), CategoryFactory()
        row = services.create_rule(actor=SYSTEM, rule=rule(pinned=[pinned.pk], hidden=[hidden.pk], redirect=home.pk))
        for gone in (pinned, hidden, home):
            gone.delete()
        assert read_snapshot().rules[row.pk] == rule(pinned=[], hidden=[])

    def test_no_rule_pins_and_hides_a_product(self):
        """The database sees to it, too."""
        product = ProductFactory()
        row = services.create_rule(actor=SYSTEM, rule=rule(pinned=[product.pk]))
        with pytest.raises(Exception, match=r"(?i)unique|duplicate"), transaction.atomic():
            RuleProduct.objects.create(rule=row, product=product, action="HIDE")


def test_there_are_so_many_and_no_more(monkeypatch):
    monkeypatch.setattr(services, "MAX_ROWS", 1)
    home = CategoryFactory()
    synonym = services.create_synonym(actor=SYSTEM, synonym=TV)
    services.create_rule(actor=SYSTEM, rule=rule(redirect=home.pk))
    assert refused(services.create_synonym, synonym=TV) == {"": ErrorCode.LIMIT_EXCEEDED}
    assert refused(services.create_rule, rule=rule(redirect=home.pk)) == {"": ErrorCode.LIMIT_EXCEEDED}
    services.update_synonym(actor=SYSTEM, synonym_id=synonym.pk, version=1, synonym=TV)
    services.delete_synonyms(actor=SYSTEM, ids=[synonym.pk])
    services.create_synonym(actor=SYSTEM, synonym=TV)


def test_a_change_of_what_changed_meanwhile_is_refused():
    row = services.create_synonym(actor=SYSTEM, synonym=TV)
    services.update_synonym(actor=SYSTEM, synonym_id=row.pk, version=1, synonym=TV)
    arguments = {"synonym_id": row.pk, "synonym": TV}
    for version in (1, 3, None):
        assert refused(services.update_synonym, version=version, **arguments) == {"": ErrorCode.VERSION_CONFLICT}
    row.delete()
    assert refused(services.update_synonym, version=2, **arguments) == {"": ErrorCode.NOT_FOUND}


def at_once(*calls):
    """The results of the calls, each in a thread and connection of its own, begun at the same moment."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            barrier.wait()
            return call()
        except InvalidInput as error:
            return error.field_errors[0].code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_two_who_change_a_rule_one_wins_whole(self):
        """The rule is never half of each."""
        ids = [product.pk for product in ProductFactory.create_batch(4)]
        row = services.create_rule(actor=SYSTEM, rule=rule(pinned=ids[:1]))
        for version in range(1, 6):
            rules = [rule("one", pinned=ids[:2], hidden=[]), rule("two", pinned=ids[2:], hidden=ids[:1])]
            results = at_once(
                *(
                    lambda each=each, version=version: services.update_rule(
                        actor=SYSTEM, rule_id=row.pk, version=version, rule=each
                    )
                    for each in rules
                )
            )
            assert results.count(ErrorCode.VERSION_CONFLICT) == 1
            winner = rules[1 - results.index(ErrorCode.VERSION_CONFLICT)]
            assert read_snapshot().rules[row.pk] == winner

    def test_many_who_create_never_exceed_the_bound(self, monkeypatch):
        monkeypatch.setattr(services, "MAX_ROWS", 2)
        results = at_once(*[lambda: services.create_synonym(actor=SYSTEM, synonym=TV)] * 5)
        assert results.count(ErrorCode.LIMIT_EXCEEDED) == 3
        assert Synonym.objects.count() == 2
        assert SteeringVersion.objects.count() == 1

    def test_the_first_searches_of_a_process_read_once(self, monkeypatch):
        """All of them get what was read."""
        services.create_synonym(actor=SYSTEM, synonym=TV)
        reads = []
        monkeypatch.setattr(selectors, "read_snapshot", lambda: (reads.append(1), read_snapshot())[1])
        cache = SnapshotCache()
        snapshots = at_once(*[cache.current] * 5)
        assert len(reads) == 1
        assert all(snapshot.synonyms for snapshot in snapshots)


class TestSnapshots:
    """Two caches, as of two processes."""

    def test_a_change_is_in_force_in_every_process_once_the_snapshot_is_old(self, monkeypatch):
        here, there = SnapshotCache(max_age_seconds=2), SnapshotCache(max_age_seconds=2)
        now = [100.0]
        monkeypatch.setattr("catalog.search.steering.selectors.time.monotonic", lambda: now[0])
        for cache in (here, there):
            assert not cache.current().synonyms
        row = services.create_synonym(actor=SYSTEM, synonym=TV)
        now[0] += 1.9
        assert not here.current().synonyms
        now[0] += 0.1
        for cache in (here, there):
            assert list(cache.current().synonyms.values()) == [TV]
        row.delete()
        now[0] += 2
        assert not here.current().synonyms

    @pytest.mark.parametrize("write", ["save", "delete", "cascade", "fixture", "service"])
    def test_every_change_is_noticed(self, write, tmp_path):
        product = ProductFactory()
        row = services.create_rule(actor=SYSTEM, rule=rule(pinned=[product.pk]))
        cache = SnapshotCache(max_age_seconds=0)
        before = cache.current()
        assert cache.current() is before
        if write == "save":
            row.query = "rug"
            row.save()
        elif write == "delete":
            row.delete()
        elif write == "cascade":
            product.delete()
        elif write == "fixture":
            fixture = tmp_path / "rule.json"
            call_command("dumpdata", "catalog.searchrule", output=str(fixture))
            fixture.write_text(fixture.read_text().replace('"lamp"', '"rug"'))
            call_command("loaddata", str(fixture), verbosity=0)
        else:
            services.update_rule(actor=SYSTEM, rule_id=row.pk, version=1, rule=rule("rug", pinned=[product.pk]))
        assert cache.current().rules != before.rules

    def test_a_look_is_one_query_and_a_change_three_more_however_many_there_are(self, django_assert_num_queries):
        cache = SnapshotCache(max_age_seconds=0)
        for number in (1, 20):
            for _ in range(number):
                services.create_synonym(actor=SYSTEM, synonym=TV)
                services.create_rule(actor=SYSTEM, rule=rule(pinned=[ProductFactory().pk]))
            with django_assert_num_queries(4):
                cache.current()
            with django_assert_num_queries(1):
                cache.current()
        cache.max_age_seconds = 60
        with django_assert_num_queries(0):
            cache.current()

    def test_what_only_a_later_release_knows_is_left_out(self):
        """Its processes may run beside ours, or its rows stay when it is taken back."""
        product = ProductFactory()
        services.create_synonym(actor=SYSTEM, synonym=TV)
        row = services.create_rule(actor=SYSTEM, rule=rule(pinned=[product.pk]))
        Synonym.objects.create(kind="LATER", terms="a")
        SearchRule.objects.create(match="LATER", query="lamp")
        RuleProduct.objects.create(rule=row, product=ProductFactory(), action="BURY")
        snapshot = read_snapshot()
        assert list(snapshot.synonyms.values()) == [TV]
        assert list(snapshot.rules.values()) == [rule(pinned=[product.pk], hidden=[])]

    def test_while_the_database_fails_the_last_one_stays_in_force(self, caplog, monkeypatch):
        services.create_synonym(actor=SYSTEM, synonym=TV)
        cache = SnapshotCache(max_age_seconds=0)
        assert cache.current().synonyms
        with monkeypatch.context() as broken:
            broken.setattr(SteeringVersion._meta, "db_table", "no_such_table")
            assert list(cache.current().synonyms.values()) == [TV]
            # A process that starts now has none, and is not stopped either.
            started = SnapshotCache(max_age_seconds=0)
            assert not started.current().synonyms
            assert "could not be read" in caplog.text
        assert started.current().synonyms
