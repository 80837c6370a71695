"""Northwind Instruments: a company whose agents score and route leads, write, offer discounts and refund."""

from pathlib import Path

POLICY = Path(__file__).parent / "policy"
"""The folder of its policy bundle."""
