"""Amounts in files that a French spreadsheet opens: a comma, no currency, no thousands."""


def format_cell(cents: int | None) -> str:
    """Write cents as a cell; empty for none.

    >>> format_cell(123456), format_cell(-5), format_cell(None)
    ('1234,56', '-0,05', '')
    """
    if cents is None:
        return ""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100},{abs(cents) % 100:02d}"
