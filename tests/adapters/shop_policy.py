"""A shop's policy as its risk officer writes it: files in which tests make one mistake at a time."""

from pathlib import Path

FILES = {
    "bundle.yaml": """\
# yaml-language-server: $schema=../docs/policy.schema.json
id: shop
version: 2026-11-01  # a text, as everything that is no number and not true or false
policy_changes: {owner: olga, approval: two}
""",
    "people.yaml": """\
people:
  - id: olga
    name: Olga Owner
    email: olga@shop.example
  - id: ann
    name: Ann Approver
    email: ann@shop.example
    calendar: {time_zone: Europe/Berlin, opens: 08:30, closes: 17:00, holidays: DE}
    absences:
      - {first_day: 2026-12-24, last_day: 2026-12-31, delegate: bob}
    trainings:
      - {tier: high, expires: 2030-12-31}
  - id: bob
    name: Bob Approver
    email: bob@shop.example
  - id: cem
    name: Cem On Call
    email: cem@shop.example

groups:
  - id: finance
    members: [ann, bob]
  - id: on-call
    members:
      - cem
""",
    "agents.yaml": """\
agents:
  - id: clerk
    title: Answers mails
    owner: olga
""",
    "use_cases.yaml": """\
use_cases:
  - id: support
    title: Customer support
    owner: olga
    agents: [clerk]
    action_types: [refund.create, idea.note]
    autonomy: reviewed_above_low
    controls:
      dpia: {required: true, status: approved, reference: D-1, expires: 2030-12-31}
  - id: old-chat
    title: The old chat
    owner: olga
    agents: [clerk]
    action_types: [idea.note]
    autonomy: off
""",
    "action_types.yaml": """\
action_types:
  - id: refund.create
    title: Refund a customer
    executor: http.request
    settings: {system: crm, method: POST, path: /refunds}
    roles: {amount: amount_minor, recipients: [customer]}
    arguments:
      type: object
      additionalProperties: false
      required: [customer, amount_minor]
      properties:
        customer: {type: string, maxLength: 20}
        amount_minor: {type: integer, minimum: 1}
        note: {type: string, maxLength: 200}
  - id: idea.note
    title: Write down an idea
    executor: http.request
    settings: {system: crm, method: POST, path: /ideas}
    reversible: true
    arguments: {type: object, additionalProperties: false, properties: {text: {type: string}}}
""",
    "risk.yaml": """\
risk:
  rules:
    - id: refund
      dimension: financial
      points: 3
      when: action_type == 'refund.create'
      because: Money leaves the company.
    - id: refund-large
      dimension: financial
      points: 5
      when: >-
        action_type == 'refund.create' &&
        arguments.amount_minor > 100000
      because: The refund is over 1000.00.
  tiers:
    - {tier: high, when: scores.financial >= 5}
    - tier: medium
      when: scores.total >= 3
    - tier: low
      when: "true"
""",
    "routes.yaml": """\
routes:
  - do: deny
    use_cases: [support]
    when: "action_type == 'refund.create' && arguments.amount_minor > 1000000"
  - do: execute
    tiers: [low]
  - do: ask
    approval: two

approvals:
  - id: two
    group: finance
    quorum: 2
    remind_after: 1h
    escalate_after: 2h
    escalate_to: on-call
    expire_after: 2d
""",
    "guardrails.yaml": """\
guardrails:
  budgets:
    - id: refunded-in-a-day
      actions: {action_types: [refund.create]}
      limit: 500000
      window: 1d
  checks:
    - check: secrets
""",
    "tests.yaml": """\
tests:
  - id: large-refund
    agent: clerk
    use_case: support
    action_type: refund.create
    arguments: {customer: c-1, amount_minor: 100001}
    at: 2026-11-23T09:00:00Z
    expect: {tier: high, route: ask, approval: two, hits: [refund, refund-large]}
""",
}


def write(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """Write the shop's files, after replacing in a file one text, which stands there once, by another."""
    files = dict(FILES)
    for name, before, after in changes:
        assert files[name].count(before) == 1, f"{name} has {files[name].count(before)} times {before!r}"
        files[name] = files[name].replace(before, after)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
