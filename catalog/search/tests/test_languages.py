"""Stems by language, and the codes that name languages."""

import pytest

from catalog.search.analysis.languages import languages


@pytest.mark.parametrize("code", ["nb", "no", "nn"])
def test_norwegian_has_three_codes(settings, code):
    settings.SEARCH_LANGUAGES = [code]
    assert languages().stems("sykler") == languages().stems("sykkel")
    assert languages().compounds
    assert languages().is_stop_word("ikke")


def test_a_language_named_twice_counts_once(settings):
    settings.SEARCH_LANGUAGES = ["en", "no", "nb", "en"]
    assert languages().codes == ("en", "nb")


@pytest.mark.parametrize(
    ("code", "singular", "plural"),
    [
        *(("en", "axe", "axes"), ("en", "base", "bases"), ("en", "shelf", "shelves"), ("es", "lapiz", "lapices")),
        *(("pt", "limao", "limoes"), ("pt", "mao", "maos"), ("it", "uovo", "uova"), ("de", "kaktus", "kakteen")),
    ],
)
def test_a_plural_has_the_stem_of_its_singular(settings, code, singular, plural):
    settings.SEARCH_LANGUAGES = [code]
    assert languages().stems(singular) == languages().stems(plural)


def test_a_medium_size_is_no_media_player(settings):
    settings.SEARCH_LANGUAGES = ["en"]
    assert languages().stems("medium") != languages().stems("media")
