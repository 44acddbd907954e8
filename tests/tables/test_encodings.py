"""Text tables are read in the encodings that people have."""

from __future__ import annotations

import pytest

from autosft.tables.formats.encoding import find_encoding
from autosft.tables.reading import read_table

FRENCH = "Le café était très bon;bon\nÀ éviter, où est le chef ?;mauvais\nLa crème brûlée était brûlée;mauvais\n"
GERMAN = "Der Ärger über die Lieferung war groß;schlecht\nSchöne Grüße aus Köln;gut\nMüller hört zu;gut\n"
POLISH = "Bardzo dobry film, polecam każdemu;dobry\nŹle, nie polecam żadnej z tych rzeczy;zły\nświetna książka;dobry\n"
RUSSIAN = "Очень хороший фильм;хорошо\nУжасный сервис и плохая еда;плохо\nМне понравилось;хорошо\n"
GREEK = "Πολύ καλή ταινία;θετικό\nΆσχημη εξυπηρέτηση;αρνητικό\nΜου άρεσε;θετικό\n"
JAPANESE = "とても良い映画でした;肯定\nサービスが悪い;否定\n本当に好きです;肯定\n"
CHINESE = "这部电影非常好看;正面\n服务态度很差;负面\n我很喜欢;正面\n"
PORTUGUESE = "Não gostei da refeição, péssima;ruim\nÓtimo preço e excelente opção;bom\nÉ ação do começo ao fim;bom\n"
TURKISH = "Çok güzel bir film, herkese öneririm;iyi\nKargo üç gün geç geldi;kötü\nŞoför çok kibardı;iyi\n"
HEBREW = "הסרט היה מצוין, אני ממליץ לכולם;טוב\nשירות גרוע מאוד;רע\nתודה רבה על הכול;טוב\n"
ARABIC = "الفيلم رائع وأنصح به الجميع;جيد\nالخدمة سيئة للغاية;سيئ\nشكرا لكم على كل شيء;جيد\n"
KOREAN = "정말 좋은 영화였어요;긍정\n서비스가 나빠요;부정\n마음에 들어요;긍정\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [FRENCH, RUSSIAN])
def test_unicode_is_read_with_and_without_its_mark(write, text, encoding):
    table = read_table(write("reviews.csv", "text;label\n" + text * 3, encoding))

    assert [";".join(row) for row in zip(*table.columns.values(), strict=True)] == (text * 3).splitlines()
    assert list(table.columns) == ["text", "label"]
    assert table.dialect.endswith("UTF-16" if "16" in encoding else "UTF-8")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        (FRENCH, "latin-1"),
        (GERMAN, "cp1252"),
        ("it\u2019s great;good\nI don\u2019t like it;bad\nthe \u201cbest\u201d film \u2013 ever;good\n", "cp1252"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (GREEK, "cp1253"),
        (JAPANESE, "shift_jis"),
        (CHINESE, "gb18030"),
        (KOREAN, "euc_kr"),
        (GERMAN, "cp850"),
        (PORTUGUESE, "cp1252"),
        (POLISH, "iso8859-2"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp866"),
        (TURKISH, "cp1254"),
        (HEBREW, "cp1255"),
        (ARABIC, "cp1256"),
        (JAPANESE, "euc_jp"),
    ],
)
def test_legacy_encodings_are_recognized_and_named(write, text, encoding):
    table = read_table(write("reviews.csv", ("text;label\n" + text * 3).encode(encoding)))

    assert [";".join(row) for row in zip(*table.columns.values(), strict=True)] == (text * 3).splitlines()
    assert "UTF" not in table.dialect


def test_a_character_beyond_the_first_megabyte_counts(write):
    content = "text,label\n" + "a plain line,good\nanother plain line,bad\n" * 40_000 + "café,good\n"

    assert read_table(write("long.csv", content, "cp1252")).columns["text"][-1] == "café"


def test_bytes_that_are_no_characters_are_skipped_of_their_rows(write):
    content = ("text,label\n" + "le café,good\nla crème,bad\n" * 10).encode() + b"caf\xe9,good\n"

    table = read_table(write("reviews.csv", content))

    assert len(table) == 20
    assert [(skip.ref, skip.reason) for skip in table.skipped] == [("reviews.csv:22", "bytes that are no UTF-8")]


def test_a_line_that_begins_like_a_mark_of_unicode_is_no_mark(tmp_path):
    path = tmp_path / "a.csv"
    for mark in (b"\xfe\xff", b"\xff\xfe"):
        path.write_bytes(b"name,label\n" + mark + b",a\nb,c\n")
        assert "utf" not in find_encoding(path).name
        assert len(read_table(path)) == 2
