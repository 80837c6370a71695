"""Attention over the API and the pages: canaries that nobody can tell, statistics for admins, similar requests."""

import asyncio
import json
import os
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.pages import Browser
from tests.bundles import DOCUMENT
from tests.installation import Installation
from tests.shell import remit_command

REFUND = {"use_case": "support", "action_type": "refund.create"}
