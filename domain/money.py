"""Money as people read it: minor units with the decimals that the currency has.

>>> money(123450, "EUR"), money(4200, "jpy"), money(1, "KWD"), money(7, "")
('1,234.50 EUR', '4,200 JPY', '0.001 KWD', '0.07')
"""

_NO_DECIMALS = frozenset(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    )
)
_THREE_DECIMALS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


def decimals_of(currency: str) -> int:
    """Return how many decimals a currency's minor unit has (ISO 4217); two for one that is not known."""
    name = currency.upper()
    return 0 if name in _NO_DECIMALS else 3 if name in _THREE_DECIMALS else 2


def money(minor: int, currency: str, decimals: int | None = None) -> str:
    """Return an amount of minor units with its currency. `decimals` is given where units are not the currency's own."""
    places = decimals_of(currency) if decimals is None else decimals
    whole, part = divmod(abs(minor), 10**places)
    number = f"{'-' if minor < 0 else ''}{whole:,}" + (f".{part:0{places}}" if places else "")
    return f"{number} {currency.upper()}".rstrip()
