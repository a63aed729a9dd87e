"""Opening feeds as they really come: every encoding, separator and container, and damaged files."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.feed_samples import make_row, write_feed

from rempart.exchange.feed_columns import COLUMNS, OPTIONAL
from rempart.exchange.feed_file import compute_digest, open_feed
from rempart.exchange.feed_pieces import Cells, read_piece
from rempart.kernel.errors import FeedRefused

NAME = COLUMNS.index("family_name")
HEADER = ";".join(COLUMNS)


def read(path: Path, *, skip: int = 0, piece_bytes: int = 1 << 20) -> Iterator[Cells]:
    with open_feed(path, piece_bytes=piece_bytes) as feed:
        for piece in feed.pieces(skip=skip):
            yield from read_piece(piece, feed.dialect)


def read_names(path: Path, **how: int) -> list[tuple[int, str]]:
    return [
        (line, name)
        for cells in read(path, **how)
        for line, name in zip(cells.lines, cells.columns[NAME], strict=True)
    ]


def read_rules(path: Path) -> list[tuple[int | None, str]]:
    return [(one.line, one.rule) for cells in read(path) for one in cells.findings]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", "LEFÈVRE"),
        ("utf-8-sig", "LEFÈVRE"),
        ("latin-1", "LEFÈVRE"),
        ("cp1252", "LEBŒUF"),
        ("ascii", "DURAND"),
    ],
)
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_encoding_separator_and_line_end_are_recognised(
    tmp_path: Path, encoding: str, name: str, delimiter: str, end: str, suffix: str
):
    feed = write_feed(
        tmp_path / f"feed{suffix}",
        [make_row(1, family_name=name), make_row(2)],
        encoding=encoding,
        delimiter=delimiter,
        end=end,
    )
    assert read_names(feed) == [(2, name), (3, "DURAND")]


def test_an_accent_far_down_the_file_still_decides_its_encoding(tmp_path: Path):
    rows = [make_row(serial) for serial in range(1, 8_000)]
    feed = write_feed(
        tmp_path / "feed.csv", [*rows, make_row(1, family_name="LEFÈVRE")], encoding="latin-1"
    )
    assert read_names(feed)[-1] == (8_001, "LEFÈVRE")


def test_one_line_in_another_encoding_is_a_finding_and_the_others_are_read(tmp_path: Path):
    feed = write_feed(
        tmp_path / "feed.csv", [make_row(1, family_name="LEFÈVRE"), make_row(2), make_row(3)]
    )
    data = feed.read_bytes().split(b"\n")
    data[2] = data[2].replace(b"DURAND", "LEFÈVRE".encode("latin-1"))
    feed.write_bytes(b"\n".join([*data[:3], *data[1:2], *data[3:]]))
    assert read_rules(feed) == [(3, "encoding")]
    assert [line for line, _ in read_names(feed)] == [2, 4, 5]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_refused_with_the_remedy(tmp_path: Path, encoding: str):
    feed = write_feed(tmp_path / "feed.csv", [make_row(1)], encoding=encoding)
    with pytest.raises(FeedRefused, match=r"UTF-16: save it as UTF-8|is not text"):
        open_feed(feed)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 and so on", "zip archive or a spreadsheet"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x7fELF\0\0", "is not text"),
        (b"x" * 70_000, "is not text"),
        (b"PAR1 but not really", "damaged Parquet"),
        (b"\x1f\x8b\x08", "truncated or damaged gzip"),
        (b"1;2;3\n", "the header lacks 15 column"),
    ],
)
def test_what_is_not_a_feed_is_refused_in_one_sentence(tmp_path: Path, data: bytes, message: str):
    feed = tmp_path / "feed.csv"
    feed.write_bytes(data)
    with pytest.raises(FeedRefused, match=message):
        open_feed(feed)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(FeedRefused, match="cannot be read"):
        open_feed(tmp_path / "feed.csv")
    with pytest.raises(FeedRefused, match="cannot be read"):
        compute_digest(tmp_path / "feed.csv")


class TestHeader:
    """The first line decides whether anything else can be trusted."""

    def test_a_missing_column_is_named(self, tmp_path: Path):
        columns = [name for name in COLUMNS if name not in ("terms", "birth_rank")]
        feed = write_feed(tmp_path / "feed.csv", [make_row(1)], columns=columns)
        with pytest.raises(FeedRefused, match=r"lacks 2 column\(s\): birth_rank, terms\."):
            open_feed(feed)

    def test_a_repeated_column_is_named(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1)], columns=[*COLUMNS, "birth_date"])
        with pytest.raises(FeedRefused, match="the header repeats birth_date"):
            open_feed(feed)

    def test_a_file_without_header_is_refused_without_quoting_its_first_row(self, tmp_path: Path):
        feed = tmp_path / "feed.csv"
        feed.write_text(";".join(make_row(1).values()) + "\n")
        with pytest.raises(FeedRefused) as refused:
            open_feed(feed)
        assert "durand" not in str(refused.value).lower()

    def test_optional_columns_may_be_absent(self, tmp_path: Path):
        columns = [name for name in COLUMNS if name not in OPTIONAL]
        feed = write_feed(tmp_path / "feed.csv", [make_row(1)], columns=columns)
        [cells] = read(feed)
        assert cells.columns[COLUMNS.index("email")] == [""]
        assert list(cells.columns[NAME]) == ["DURAND"]

    def test_columns_may_come_in_any_order_and_case(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1)], columns=COLUMNS[::-1])
        head, rest = feed.read_text().split("\n", 1)
        feed.write_text(head.upper().replace(";", " ; ") + "\n" + rest)
        assert read_names(feed) == [(2, "DURAND")]

    def test_an_unknown_column_is_a_finding_and_is_not_read(self, tmp_path: Path):
        columns = ["Remarque", *COLUMNS, "0612345678"]
        feed = write_feed(tmp_path / "feed.csv", [make_row(1)], columns=columns)
        with open_feed(feed) as opened:
            findings = [(one.line, one.field, one.rule) for one in opened.header_findings]
        # A name that could be a value is not repeated.
        assert findings == [
            (1, "remarque", "unknown_column"),
            (1, f"column {len(columns)}", "unknown_column"),
        ]
        assert read_names(feed) == [(2, "DURAND")]

    def test_a_header_repeated_in_the_file_is_a_finding(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1)])
        feed.write_text(feed.read_text() * 2)
        assert read_rules(feed) == [(3, "repeated_header")]
        assert [line for line, _ in read_names(feed)] == [2, 4]


class TestLines:
    """A line that is not a row costs itself only."""

    @pytest.mark.parametrize(
        ("line", "rule"),
        [
            ("a;b;c", "column_count"),
            (";".join(make_row(9).values()) + ";", "column_count"),
            ('"' + ";".join(make_row(9).values()), "quotes"),
            ("x" * 1_000_000, "line_length"),
            (";".join([*["y" * 40_000] * 25, *[""] * 4]), "line_length"),
        ],
        ids=["too few fields", "too many", "open quote", "a megabyte", "a megabyte in fields"],
    )
    def test_it_is_a_finding(self, tmp_path: Path, line: str, rule: str):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1), make_row(2)])
        head, first, second, _ = feed.read_text().split("\n")
        feed.write_text(f"{head}\n{first}\n{line}\n{second}\n")
        assert read_rules(feed) == [(3, rule)]
        assert [number for number, _ in read_names(feed)] == [2, 4]

    def test_a_line_of_many_megabytes_takes_no_more_memory_than_a_piece(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1), make_row(2)])
        head, first, second, _ = feed.read_text().split("\n")
        feed.write_text(f"{head}\n{first}\n{'z' * (40 << 20)}\n{second}\n")
        with open_feed(feed, piece_bytes=1 << 20) as opened:
            assert max(len(piece.payload) for piece in opened.pieces()) < 4 << 20
        assert read_rules(feed) == [(3, "line_length")]
        assert [number for number, _ in read_names(feed)] == [2, 4]

    def test_quoted_fields_are_unquoted(self, tmp_path: Path):
        feed = tmp_path / "feed.csv"
        values = make_row(1, family_name='"LE GOFF; dit ""Jo"""').values()
        feed.write_text(f"{HEADER}\n{';'.join(values)}\n")
        assert read_names(feed) == [(2, 'LE GOFF; dit "Jo"')]

    def test_empty_lines_are_nothing_but_keep_their_number(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1), make_row(2)])
        feed.write_text(feed.read_text().replace("\n", "\n\n"))
        assert [number for number, _ in read_names(feed)] == [3, 5]
        assert read_rules(feed) == []

    def test_the_last_line_may_lack_its_end(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(1), make_row(2)])
        feed.write_text(feed.read_text().rstrip("\n"))
        assert len(read_names(feed)) == 2


class TestPieces:
    """However a file is cut, it says the same."""

    @pytest.mark.parametrize("piece_bytes", [300, 1_000, 4_096, 1 << 20])
    @pytest.mark.parametrize("skip", [0, 1, 7, 49, 50])
    @pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
    def test_rows_keep_their_lines(self, tmp_path: Path, piece_bytes: int, skip: int, suffix: str):
        rows = [make_row(serial, family_name=f"N{serial}") for serial in range(1, 51)]
        feed = write_feed(tmp_path / f"feed{suffix}", rows)
        expected = [(serial + 1, f"N{serial}") for serial in range(1, 51)][skip:]
        assert read_names(feed, skip=skip, piece_bytes=piece_bytes) == expected

    def test_how_much_is_read_goes_from_nothing_to_all(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv", [make_row(n) for n in range(1, 200)])
        with open_feed(feed, piece_bytes=5_000) as opened:
            shares = [opened.done_share() for _ in opened.pieces()]
        assert shares == sorted(shares)
        assert (shares[0] < 0.3, shares[-1]) == (True, 1.0)

    def test_a_truncated_gzip_is_refused_where_it_breaks(self, tmp_path: Path):
        rows = [make_row(serial) for serial in range(1, 20_000)]
        feed = write_feed(tmp_path / "feed.csv.gz", rows)
        feed.write_bytes(feed.read_bytes()[:-2_000])
        with pytest.raises(FeedRefused, match="truncated or damaged gzip"):
            list(read(feed, piece_bytes=10_000))

    def test_a_damaged_gzip_is_refused(self, tmp_path: Path):
        feed = write_feed(tmp_path / "feed.csv.gz", [make_row(n) for n in range(1, 2_000)])
        data = bytearray(feed.read_bytes())
        data[-6] ^= 0xFF
        feed.write_bytes(bytes(data))
        with pytest.raises(FeedRefused, match="truncated or damaged gzip"):
            list(read(feed))


def test_the_digest_is_that_of_the_bytes(tmp_path: Path):
    one, other = tmp_path / "1.csv.gz", tmp_path / "2.csv"
    one.write_bytes(gzip.compress(b"same"))
    other.write_bytes(b"same")
    assert compute_digest(one) == compute_digest(one) != compute_digest(other)
