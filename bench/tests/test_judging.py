"""The metrics on examples worked out by hand, and files of judgments with mistakes."""

import math

import pytest

from bench.judging import hit, lowest_relevant, mean, ndcg, read_judgments, recall


def test_ndcg_is_one_for_the_best_order_and_falls_with_every_place():
    grades = {1: 3.0, 2: 2.0, 3: 0.0}
    assert ndcg([1, 2, 3], grades) == 1
    # Gains 7 and 3, at the discounts 1 and log2(3).
    assert ndcg([2, 1], grades) == pytest.approx((3 + 7 / math.log2(3)) / (7 + 3 / math.log2(3)))
    assert ndcg([9, 1], grades) == pytest.approx(7 / math.log2(3) / (7 + 3 / math.log2(3)))
    assert ndcg([], grades) == 0
    assert ndcg([1], {1: 0.0}) is None


def test_ndcg_reads_ten_answers_and_compares_with_the_best_ten():
    grades = dict.fromkeys(range(20), 1.0)
    assert ndcg(range(20), grades) == 1
    assert ndcg([*range(100, 110), 1], grades) == 0


def test_hit_and_recall_count_relevant_products_within_their_depths():
    far = [*range(100, 110), 1]
    assert (hit([5, 1], {1}), hit(far, {1}), hit([1], set())) == (1, 0, None)
    assert (recall(far, {1, 2}), recall([1, 2], {1, 2}), recall([1], set())) == (0.5, 1, None)
    assert recall([*range(100, 200), 1], {1}) == 0


def test_a_mean_leaves_out_what_does_not_count():
    assert mean([1.0, None, 0.0]) == 0.5
    assert math.isnan(mean([None]))


@pytest.mark.parametrize(
    ("grades", "lowest"),
    [([1, 2.33, 3], 2.5), ([0, 1, 2, 3], 2.25), ([0, 4], 3), ([0, 1], 0.75), ([1, 1], 1)],
)
def test_relevant_is_the_upper_quarter_of_the_scale(grades, lowest):
    assert lowest_relevant(grades) == lowest


def test_judgments_are_read_by_query(tmp_path):
    path = tmp_path / "judged.csv"
    path.write_text(
        "\ufeffKind, Query ,product,grade\ncolour,red  lamp,a-lamp,1\ncolour,red lamp,a-lamp,3\ncolour,red lamp,Other lamp,0\n,mug,M-1,2.5\n"
    )
    lamp, mug = read_judgments(path)
    assert (lamp.text, lamp.kind, lamp.grades) == ("red lamp", "colour", {"a-lamp": 3.0, "Other lamp": 0.0})
    assert (mug.text, mug.kind, mug.grades) == ("mug", "", {"M-1": 2.5})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("query,grade\nlamp,1\n", "no column product"),
        ("query,product,grade\nlamp,a-lamp,good\n", "line 2: the grade 'good' is not a number"),
        ("query,product,grade\nlamp,a-lamp\n", "line 2: the grade None is not a number"),
        ("query,product,grade\nlamp,a-lamp,-1\n", "line 2: the grade -1 is not from 0 to 100"),
        ("query,product,grade\nlamp,a-lamp,nan\n", "line 2: the grade nan is not from 0 to 100"),
        ("query,product,grade\nlamp,,1\n", "line 2: query or product is blank"),
        ("query,product,grade\n", "no judgment above 0"),
        ("query,product,grade\nlamp,a-lamp,0\n", "no judgment above 0"),
        ("", "no column grade and no column product and no column query"),
    ],
)
def test_a_mistake_in_judgments_is_named(tmp_path, content, message):
    path = tmp_path / "judged.csv"
    path.write_text(content)
    with pytest.raises(SystemExit, match=message):
        read_judgments(path)


def test_a_file_of_another_encoding_is_named(tmp_path):
    path = tmp_path / "judged.csv"
    path.write_bytes("query,product,grade\nLäufer,teppich,1\n".encode("latin-1"))
    with pytest.raises(SystemExit, match="UTF-8"):
        read_judgments(path)


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"judged\.csv cannot be read: No such file"):
        read_judgments(tmp_path / "judged.csv")
