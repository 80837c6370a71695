"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import adapters.database
import domain

MODULES = [
    info.name
    for package in (domain, adapters.database)
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    if not info.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    failed, _ = doctest.testmod(importlib.import_module(name))

    assert failed == 0


def test_the_canonical_form_shows_a_worked_example() -> None:
    assert doctest.testmod(importlib.import_module("domain.canonical")).attempted >= 2
