"""The encodings of short price lists are told by their letters."""

import pytest

from catalog.importing.reading import FileRefusedError
from catalog.importing.reading.tests.support import opened, problems, rows

WORDS = {
    "cp1252 de": "Tür-Öffner groß|Kaffeemühle – 12 €|Größe „XL“ schwarz|Wäscheständer",
    "cp1252 de one": "Tür",
    "cp1252 fr": "Théière en fonte|Œuf de Pâques décoré|Bougie à la fraise – 9 €|Façade",
    "cp1252 es": "Lámpara de pie|Cuchillo español|Niño con camión|¿Cuál? Edición única",
    "cp1252 it": "Caffè|Qualità più alta|Tazzina perché no|Città",
    "cp1252 en": "Children’s bed – white|“Rustic” table|Café chair|Price £12",
    "cp1250 pl": "Krzesło dębowe|Żółta świeca|Łóżko drewniane|Półka na książki",
    "cp1250 cs": "Židle dubová|Skříň na šaty|Svíčka vonná žlutá|Čajová konvice",
    "cp1251 ru": "Стул дубовый|Лампа настольная|Чашка фарфоровая|Полотенце",
    "cp1253 el": "Καρέκλα ξύλινη|Κερί αρωματικό|Τσάντα δερμάτινη|Ράφι",
    "cp1254 tr": "Ahşap sandalye|Çay bardağı|Işık kaynağı|Gümüş küpe",
    "cp932 ja": "木製の椅子|アロマキャンドル|Tシャツ|革のバッグ",
    "cp932 ja one": "椅子",
    "euc_jp ja": "木製の椅子|アロマキャンドル|コーヒーカップ 白|革のバッグ",
    "gb18030 zh": "橡木椅子|香薰蜡烛|陶瓷咖啡杯|真皮手提包",
    "gb18030 zh one": "椅子",
    "cp950 zh": "橡木椅子|香薰蠟燭|陶瓷咖啡杯|檯燈（白色）",
    "cp949 ko": "참나무 의자|향초|도자기 커피잔|탁상 램프(흰색)",
    "cp949 ko one": "의자",
    "mac_roman fr": "Théière en fonte|Écharpe à carreaux|Façade d'armoire|Forêt de chênes",
}


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize("count", [1, 10])
def test_a_price_list_is_read(tmp_path, kind, count):
    words = WORDS[kind].split("|") * count
    lines = ["sku;name;price", *(f"SKU-{number};{word};{number},90" for number, word in enumerate(words))]
    table = opened(tmp_path / "list.csv", "\r\n".join(lines).encode(kind.split()[0]))
    assert [cells[1] for cells in rows(table)] == words
    assert "--encoding overrides" in table.notes[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_told(tmp_path, encoding):
    table = opened(tmp_path / "list.csv", "name\tsku\r\n橡木椅子\t1\r\n".encode(encoding))
    assert rows(table) == [["橡木椅子", "1"]]


def test_one_broken_line_among_utf8_is_a_problem_of_its_own(tmp_path):
    content = "name,sku\nTür,1\nStühle,2\n".encode() + b"T\xfcr,3\nBett,4\n"
    table = opened(tmp_path / "list.csv", content)
    assert rows(table) == [["Tür", "1"], ["Stühle", "2"], ["Bett", "4"]]
    assert list(problems(table)) == [4]
    assert table.notes == ()


def test_an_encoding_that_is_given_counts(tmp_path):
    path = tmp_path / "list.csv"
    table = opened(path, "name,sku\nСтул,1\n".encode("koi8-r"), encoding="koi8-r")
    assert rows(table) == [["Стул", "1"]]
    for wrong in ("latin-99", "zlib", "rot13", "idna", "", "\0"):
        if wrong:
            with pytest.raises(FileRefusedError, match="no text encoding named"):
                opened(path, encoding=wrong)


@pytest.mark.parametrize("encoding", ["utf-7", "utf-16", "utf-32", "cp932", "ascii", "hz", "iso2022_jp", "cp037"])
def test_a_wrong_encoding_is_refused_or_told_by_line(tmp_path, encoding):
    try:
        table = opened(tmp_path / "list.csv", "name,sku\nTür €,1\n".encode(), encoding=encoding)
        list(table.records())
    except FileRefusedError:
        pass
