"""Mistakes in a shop's policy files, one at a time, with every line that is said about them."""

Written = tuple[str, str, str]
"""A file, a text that stands there once, and what somebody wrote instead."""

EXPIRES = "    expire_after: 2d\n"
CHANGES = "policy_changes:"

MISTAKES: dict[str, tuple[list[Written], list[str]]] = {
    # Fields
    "an unknown field": (
        [("agents.yaml", "owner: olga", "owner: olga\n    ownr: ann")],
        [
            "agents.yaml:5:5: no field 'ownr' here; did you mean 'owner'?",
        ],
    ),
    "an unknown field that resembles none": (
        [("agents.yaml", "owner: olga", "owner: olga\n    colour: red")],
        [
            "agents.yaml:5:5: no field 'colour' here; known: id, model, owner, status, title, vendor",
        ],
    ),
    "an unknown part": (
        [("bundle.yaml", "policy_changes:", "surprise: 1\npolicy_changes:")],
        [
            "bundle.yaml:4:1: no field 'surprise' here; known: action_types, agents, approvals, "
            "attention, groups, guardrails, hold_group, id, people, policy_changes, risk, rotations, routes, tests, "
            "use_cases, version",
        ],
    ),
    "an unknown field deep inside": (
        [("use_cases.yaml", "status: approved", "statos: approved")],
        [
            "use_cases.yaml:9:30: no field 'statos' here; did you mean 'status'?",
        ],
    ),
    "a missing field": (
        [("agents.yaml", "    owner: olga\n", "")],
        [
            "agents.yaml:2:5: 'owner' is missing: add owner: some-id",
        ],
    ),
    "a missing field with few values": (
        [("risk.yaml", "      dimension: financial\n      points: 3\n", "      points: 3\n")],
        [
            "risk.yaml:3:7: 'dimension' is missing: add dimension: content or privacy or financial or "
            "operational or regulatory",
        ],
    ),
    "a missing field of a flow entry": (
        [("routes.yaml", "    expire_after: 2d\n", "")],
        [
            "routes.yaml:11:5: 'expire_after' is missing: add expire_after: 4h",
        ],
    ),
    "a missing id": (
        [("people.yaml", "  - id: cem\n    name", "  - name")],
        [
            "people.yaml:16:5: 'id' is missing: add id: some-id",
        ],
    ),
    "a missing part": (
        [("agents.yaml", "agents:", "guardrails2:")],
        [
            "agents.yaml:1:1: no field 'guardrails2' here; did you mean 'guardrails'?",
            "bundle.yaml:2:1: 'agents' is missing: add agents: [...]",
        ],
    ),
    "a missing version": (
        [("bundle.yaml", "version: 2026-11-01", "# version: 2026-11-01")],
        [
            "bundle.yaml:2:1: 'version' is missing: add version: ...",
        ],
    ),
    "a list that is empty": (
        [
            (
                "use_cases.yaml",
                "    agents: [clerk]\n    action_types: [refund.create, idea.note]",
                "    agents: []\n    action_types: [idea.note]",
            )
        ],
        [
            "use_cases.yaml:5:13: 'agents' has no entries: it needs at least 1",
        ],
    ),
    # Kinds
    "a number in place of a text": (
        [("agents.yaml", "title: Answers mails", "title: 7")],
        [
            "agents.yaml:3:12: 'title' is the number 7, but must be a text: put it in quotes, \"7\"",
        ],
    ),
    "true in place of a text": (
        [("agents.yaml", "title: Answers mails", "title: true")],
        [
            "agents.yaml:3:12: 'title' is true, but must be a text: put it in quotes, \"true\"",
        ],
    ),
    "nothing in place of a text": (
        [("agents.yaml", "title: Answers mails", "title:")],
        [
            "agents.yaml:3:11: 'title' is empty, but must be a text, such as 'like this'",
        ],
    ),
    "a text in place of a number": (
        [("risk.yaml", "points: 3", "points: '3'")],
        [
            "risk.yaml:5:15: 'points' is the text '3', but must be a whole number: write 3 without quotes",
        ],
    ),
    "a word in place of a number": (
        [("risk.yaml", "points: 3", "points: three")],
        [
            "risk.yaml:5:15: 'points' is the text 'three', but must be a whole number, such as 5",
        ],
    ),
    "true in place of a number": (
        [("risk.yaml", "points: 3", "points: true")],
        [
            "risk.yaml:5:15: 'points' is true, but must be a whole number, such as 5",
        ],
    ),
    "decimals in place of a whole number": (
        [("guardrails.yaml", "limit: 500000", "limit: 5000.00")],
        [
            "guardrails.yaml:5:14: 'limit' is the number 5000.0, but must be a whole number, such as 5",
        ],
    ),
    "a word in place of true": (
        [("action_types.yaml", "reversible: true", "reversible: yes")],
        [
            "action_types.yaml:19:17: 'reversible' is the text 'yes', but must be true or false: write true",
        ],
    ),
    "a text in place of a list": (
        [("people.yaml", "members: [ann, bob]", "members: ann")],
        [
            "people.yaml:22:14: 'members' is the text 'ann', but must be a list: write [ann]",
        ],
    ),
    "a list in place of fields": (
        [
            (
                "use_cases.yaml",
                "controls:\n      dpia: {required: true, status: approved, reference: D-1, expires: 2030-12-31}",
                "controls: [dpia]",
            )
        ],
        [
            "use_cases.yaml:8:15: 'controls' is a list, but must be a set of fields, such as {id: x}",
        ],
    ),
    "fields in place of a list": (
        [("people.yaml", "    members:\n      - cem", "    members:\n      cem:")],
        [
            "people.yaml:25:7: 'members' is a set of fields, but must be a list, such as [a, b]",
        ],
    ),
    "a text in place of an entry": (
        [("people.yaml", "  - id: cem\n    name: Cem On Call\n    email: cem@shop.example", "  - cem")],
        [
            "people.yaml:16:5: entry 4 of 'people' is the text 'cem', but must be a set of fields, such as {id: x}",
        ],
    ),
    # Values
    "a value that is none of the known": (
        [("use_cases.yaml", "autonomy: reviewed_above_low", "autonomy: review")],
        [
            "use_cases.yaml:7:15: 'autonomy' is the text 'review', but must be one of autonomous, "
            "reviewed_above_low, reviewed, suggest_only, off; did you mean 'reviewed'?",
        ],
    ),
    "a value that resembles none of the known": (
        [("routes.yaml", "do: deny", "do: perhaps")],
        [
            "routes.yaml:2:9: 'do' is the text 'perhaps', but must be one of execute, ask, suggest, deny",
        ],
    ),
    "a dimension that there is not": (
        [("risk.yaml", "dimension: financial\n      points: 3", "dimension: finance\n      points: 3")],
        [
            "risk.yaml:4:18: 'dimension' is the text 'finance', but must be one of content, privacy, "
            "financial, operational, regulatory; did you mean 'financial'?",
        ],
    ),
    "an id with capitals": (
        [("agents.yaml", "id: clerk", "id: Clerk One")],
        [
            "agents.yaml:2:9: 'id' is the text 'Clerk One', but an id has only lower-case letters, "
            "digits, '.', '_' and '-', begins with a letter or digit, and has at most 80 characters, "
            "such as refund-clerk",
        ],
    ),
    "a number beyond its limit": (
        [("risk.yaml", "points: 3", "points: 6")],
        [
            "risk.yaml:5:15: 'points' is the number 6, but must be at most 5",
        ],
    ),
    "a number below its limit": (
        [("routes.yaml", "quorum: 2", "quorum: 0")],
        [
            "routes.yaml:13:13: 'quorum' is the number 0, but must be at least 1",
        ],
    ),
    "an empty text": (
        [("agents.yaml", "title: Answers mails", "title: ''")],
        [
            "agents.yaml:3:12: 'title' is empty: write something there, or leave the field out",
        ],
    ),
    "a text that is too long": (
        [("agents.yaml", "title: Answers mails", f"title: {'x' * 201}")],
        [
            "agents.yaml:3:12: 'title' has 201 characters; the limit is 200: shorten it",
        ],
    ),
    "a date that there is not": (
        [("people.yaml", "expires: 2030-12-31", "expires: 2030-02-30")],
        [
            "people.yaml:12:31: 'expires' is the text '2030-02-30', but must be a date, such as 2026-01-31",
        ],
    ),
    "a time of day that there is not": (
        [("people.yaml", "opens: 08:30", "opens: 25:00")],
        [
            "people.yaml:8:49: '25:00' is not a time of day; write it in quotes, like '09:00' (midnight is '00:00')",
        ],
    ),
    "a length of time without its unit": (
        [("routes.yaml", "expire_after: 2d", "expire_after: 2")],
        [
            "routes.yaml:17:19: 2 of what? write 30s, 15m, 4h or 2d",
        ],
    ),
    "a length of time in words": (
        [("routes.yaml", "expire_after: 2d", "expire_after: 2 days")],
        [
            "routes.yaml:17:19: 'expire_after' is the text '2 days', but must be a length of time, "
            "such as 30s, 15m, 4h or 2d",
        ],
    ),
    "a length of time beyond its limit": (
        [("routes.yaml", "expire_after: 2d", "expire_after: 90d")],
        [
            "routes.yaml:17:19: 'expire_after' is the text '90d', but must be at most 30d",
        ],
    ),
    "a moment that is none": (
        [("tests.yaml", "at: 2026-11-23T09:00:00Z", "at: tomorrow")],
        [
            "tests.yaml:7:9: 'at' is the text 'tomorrow', but must be a moment with its zone, such as "
            "2026-01-31T09:00:00Z",
        ],
    ),
    "a moment at the end of time": (
        [("tests.yaml", "2026-11-23T09:00:00Z", "9999-12-31T23:59:59-14:00")],
        [
            "tests.yaml:7:9: the year 9999 cannot be right; write a moment like 2026-01-31T09:00:00Z",
        ],
    ),
    "a moment without its zone": (
        [("tests.yaml", "09:00:00Z", "09:00:00")],
        [
            "tests.yaml:7:9: the moment has no time zone: write Z at its end for UTC, or the "
            "difference to it, such as +01:00",
        ],
    ),
    "an e-mail address that is none": (
        [("people.yaml", "email: cem@shop.example", "email: cem")],
        [
            "people.yaml:18:12: 'email' is the text 'cem', but must be an e-mail address, such as ann@example.com",
        ],
    ),
    "a time zone that is none": (
        [("people.yaml", "Europe/Berlin", "Berlin")],
        [
            "people.yaml:8:27: no time zone 'Berlin'; write one like Europe/Berlin",
        ],
    ),
    "a channel by its name": (
        [("people.yaml", "members: [ann, bob]", "members: [ann, bob]\n    slack_channel: '#finance'")],
        [
            "people.yaml:23:20: 'slack_channel' is the text '#finance', but must be a Slack channel "
            "id, which begins with C, such as C01ABCDE (not the name)",
        ],
    ),
    "a group and stages": (
        [("routes.yaml", "    quorum: 2\n", "    quorum: 2\n    stages: [{group: finance}]\n")],
        [
            "routes.yaml:11:5: 'stages' stand in place of 'group' and 'quorum': write the one or the other",
        ],
    ),
    # YAML
    "a name twice": (
        [("agents.yaml", "    owner: olga", "    owner: olga\n    owner: ann")],
        [
            "agents.yaml:5:5: 'owner' stands here twice; remove one of the two",
        ],
    ),
    "a part in two files": (
        [("agents.yaml", "agents:", "groups: []\nagents:")],
        [
            "people.yaml:20:1: 'groups' stands in agents.yaml already; put the two together",
        ],
    ),
    "a tab": (
        [("agents.yaml", "    owner: olga", "\towner: olga")],
        [
            "agents.yaml:4:1: found character '\\t' that cannot start any token: indent with spaces, not with tabs",
        ],
    ),
    "a list that does not end": (
        [("people.yaml", "members: [ann, bob]", "members: [ann, bob")],
        [
            "people.yaml:23:7: expected ',' or ']', but got ':': a '[' before it is not closed",
        ],
    ),
    "an alias": (
        [
            (
                "use_cases.yaml",
                "    agents: [clerk]\n    action_types: [refund.create, idea.note]",
                "    agents: &all [clerk]\n    action_types: *all",
            )
        ],
        [
            "use_cases.yaml:6:19: aliases are not allowed; write it out",
        ],
    ),
    "a colon in a text": (
        [("risk.yaml", "because: Money leaves the company.", "because: Money: it leaves the company.")],
        [
            "risk.yaml:7:21: mapping values are not allowed here: a text with ': ' in it must stand in quotes",
        ],
    ),
    # The bundle as a whole
    "an id twice": (
        [("people.yaml", "- id: cem", "- id: bob")],
        [
            "people.yaml:16:9: the person 'bob' stands here a second time; give each its own",
            "people.yaml:25:9: no person 'cem' in the catalog; known: ann, bob, olga",
        ],
    ),
    "a budget with the name of a rate limit": (
        [
            (
                "guardrails.yaml",
                "  checks:",
                "  rate_limits:\n    - {id: refunded-in-a-day, limit: 5, window: 1d}\n  checks:",
            )
        ],
        [
            "guardrails.yaml:3:11: a rate limit is called 'refunded-in-a-day' already; give the budget an id of its "
            "own",
        ],
    ),
    "a data source twice in a use case": (
        [
            (
                "use_cases.yaml",
                "    controls:",
                "    data_sources:\n      - {id: crm, classification: personal}\n"
                "      - {id: crm, classification: internal}\n    controls:",
            )
        ],
        [
            "use_cases.yaml:10:14: the data source 'crm' stands here a second time; give each its own",
        ],
    ),
    "an unknown group": (
        [("routes.yaml", "group: finance", "group: finanse")],
        [
            "routes.yaml:12:12: no group 'finanse' in the catalog; did you mean 'finance'?",
        ],
    ),
    "an unknown person": (
        [("people.yaml", "members: [ann, bob]", "members: [ann, bobb]")],
        [
            "people.yaml:22:20: no person 'bobb' in the catalog; did you mean 'bob'?",
        ],
    ),
    "a quorum that cannot be met": (
        [("routes.yaml", "quorum: 2", "quorum: 3")],
        [
            "routes.yaml:13:13: 3 approvals are needed, but 'finance' has only 2 people: add people, "
            "or lower the quorum",
        ],
    ),
    "an escalation to nobody": (
        [("people.yaml", "email: cem@shop.example", "email: cem@shop.example\n    left_on: 2026-11-01")],
        [
            "routes.yaml:16:18: the escalation reaches nobody: 'on-call' has no members, or all of "
            "them have left; name another group",
        ],
    ),
    "an escalation to a group that there is not": (
        [("routes.yaml", "escalate_to: on-call", "escalate_to: on-cal")],
        [
            "routes.yaml:16:18: no group 'on-cal' in the catalog; did you mean 'on-call'?",
        ],
    ),
    "a quorum that a training which has expired leaves short": (
        [("people.yaml", "{tier: high, expires: 2030-12-31}", "{tier: high, expires: 2026-11-22}")],
        [
            "routes.yaml:13:13: 2 approvals are needed at tier high, but trainings in force let only 1 person of "
            "'finance' give them: add people, or lower the quorum, or renew trainings",
        ],
    ),
    "a use case that names no owner": (
        [("use_cases.yaml", "Customer support\n    owner: olga\n", "Customer support\n")],
        [
            "use_cases.yaml:2:5: 'owner' is missing: add owner: some-id",
        ],
    ),
    "a use case whose owner is nobody": (
        [("use_cases.yaml", "Customer support\n    owner: olga\n", "Customer support\n    owner: olg\n")],
        [
            "use_cases.yaml:4:12: no person 'olg' in the catalog; did you mean 'olga'?",
        ],
    ),
    "a use case without an owner": (
        [("people.yaml", "email: olga@shop.example", "email: olga@shop.example\n    left_on: 2026-11-01")],
        [
            "agents.yaml:4:12: nobody answers for the agent 'clerk' any more: 'olga' left on "
            "2026-11-01; name who took over",
            "bundle.yaml:4:25: nobody answers for changes of the policy any more: 'olga' left on "
            "2026-11-01; name who took over",
            "use_cases.yaml:4:12: nobody answers for the use case 'support' any more: 'olga' left on "
            "2026-11-01; name who took over",
            "use_cases.yaml:12:12: nobody answers for the use case 'old-chat' any more: 'olga' left on "
            "2026-11-01; name who took over",
        ],
    ),
    "an expired control marked as current": (
        [("use_cases.yaml", "expires: 2030-12-31", "expires: 2026-10-31")],
        [
            "use_cases.yaml:9:73: the data protection impact assessment expired on 2026-10-31, but its "
            "status is 'approved': renew it and write the new date, or write status: draft until it is "
            "renewed",
        ],
    ),
    "an expired vendor contract marked as current": (
        [
            (
                "use_cases.yaml",
                "    controls:\n",
                "    controls:\n      vendor_contract:\n        required: true\n        reference: V-1\n"
                "        reviewed_for_ai: true\n        expires: 2026-10-31\n",
            )
        ],
        [
            "use_cases.yaml:13:18: the vendor contract expired on 2026-10-31, but is marked as reviewed: renew it "
            "and write the new date, or write reviewed_for_ai: false until it is renewed",
        ],
    ),
    "a tier behind another that holds wherever it does": (
        [("risk.yaml", "scores.total >= 3", "scores.financial >= 5")],
        [
            "risk.yaml:18:13: no action gets tier medium here: wherever this holds, such as at financial 5, a tier "
            "above it holds already; put it further up, or make the one above stricter",
        ],
    ),
    "a tier that no action gets": (
        [("risk.yaml", "scores.total >= 3", "scores.total >= 30")],
        [
            "risk.yaml:18:13: no action gets tier medium here: no scores from 0 to 5 make this true; write "
            "lower limits (one score is at most 5, their total at most 25)",
        ],
    ),
    "a rule without an example": (
        [("tests.yaml", "hits: [refund, refund-large]", "hits: [refund]")],
        [
            "risk.yaml:8:11: the rule 'refund-large' can raise an action to high, and no test shows "
            "it: add under tests:\n"
            "  - id: refund-large-is-found\n"
            "    agent: clerk\n"
            "    use_case: support\n"
            "    action_type: refund.create\n"
            "    arguments: {...}  # such that the rule holds\n"
            "    expect: {tier: high, route: ask, hits: [refund-large]}",
        ],
    ),
    "no word on who approves changes": (
        [("bundle.yaml", "policy_changes: {owner: olga, approval: two}\n", "")],
        [
            "bundle.yaml:2:1: nobody is named who approves changes of this policy: write "
            "policy_changes: {owner: PERSON, approval: APPROVAL}, with an id of 'people' and one of "
            "'approvals'",
        ],
    ),
    "an unknown data source": (
        [("action_types.yaml", "    reversible: true", "    reversible: true\n    data: {ideas: write}")],
        [
            "action_types.yaml:20:12: no data source 'ideas' in the catalog; known: none",
            "use_cases.yaml:6:35: 'idea.note' needs to write 'ideas', which is no data source of this "
            "use case; add it to data_sources, or take the action type out",
            "use_cases.yaml:14:20: 'idea.note' needs to write 'ideas', which is no data source of this "
            "use case; add it to data_sources, or take the action type out",
        ],
    ),
    "a misspelt keyword of a schema": (
        [("action_types.yaml", "note: {type: string, maxLength: 200}", "note: {type: string, maxlength: 200}")],
        [
            "action_types.yaml:14:30: JSON Schema has no keyword 'maxlength'; did you mean 'maxLength'?",
        ],
    ),
    "a role that leads nowhere": (
        [("action_types.yaml", "recipients: [customer]", "recipients: [custmer]")],
        [
            "action_types.yaml:6:48: the arguments have no field 'custmer'; did you mean 'customer'?",
        ],
    ),
    "an unknown executor": (
        [
            (
                "action_types.yaml",
                "executor: http.request\n    settings: {system: crm, method: POST, path: /ideas}",
                "executor: http.requst\n    settings: {}",
            )
        ],
        [
            "action_types.yaml:17:15: no executor 'http.requst'; did you mean 'http.request'?",
        ],
    ),
    "an unknown setting of an executor": (
        [("action_types.yaml", "path: /ideas", "paht: /ideas")],
        [
            "action_types.yaml:18:15: 'path' is missing: add path: ...",
            "action_types.yaml:18:43: no field 'paht' here; did you mean 'path'?",
        ],
    ),
    "an unknown check": (
        [("guardrails.yaml", "check: secrets", "check: secret")],
        [
            "guardrails.yaml:8:14: no check 'secret'; did you mean 'secrets'?",
        ],
    ),
    # How people are asked
    "a step that does two things": (
        [("routes.yaml", EXPIRES, f"{EXPIRES}    escalation:\n      - {{after: 1h, remind: true, ask_person: cem}}\n")],
        [
            "routes.yaml:19:9: a step does one thing: 'remind: true', or one of ask_group, ask_person, ask_owner and "
            "ask_rotation",
        ],
    ),
    "a step on an unknown clock": (
        [("routes.yaml", EXPIRES, f"{EXPIRES}    escalation:\n      - {{after: 1h, clock: busines, remind: true}}\n")],
        [
            "routes.yaml:19:28: 'clock' is the text 'busines', but must be one of elapsed, business; did you mean "
            "'business'?",
        ],
    ),
    "a step to the owner of nothing": (
        [("routes.yaml", EXPIRES, f"{EXPIRES}    escalation:\n      - {{after: 1h, ask_owner: boss}}\n")],
        [
            "routes.yaml:19:32: 'ask_owner' is the text 'boss', but must be one of agent, use_case",
        ],
    ),
    "a step to an unknown rotation": (
        [("routes.yaml", EXPIRES, f"{EXPIRES}    escalation:\n      - {{after: 1h, ask_rotation: weekly}}\n")],
        [
            "routes.yaml:19:35: no rotation 'weekly' in the catalog; known: none",
        ],
    ),
    "a step after the deadline": (
        [("routes.yaml", EXPIRES, f"{EXPIRES}    escalation:\n      - {{after: 3d, remind: true}}\n")],
        [
            "routes.yaml:19:17: after must be shorter than expire_after: by then it is over",
        ],
    ),
    "a stage on a score that does not exist": (
        [
            (
                "routes.yaml",
                "    group: finance\n    quorum: 2\n",
                "    stages:\n      - {group: finance, quorum: 2}\n      - group: on-call\n"
                "        when: tier == 'high' && scores.finance > 3\n",
            )
        ],
        [
            "routes.yaml:15:40: no field 'finance' in scores; did you mean 'financial'?",
        ],
    ),
    "a step-up of an unknown tier": (
        [("routes.yaml", EXPIRES, f"{EXPIRES}    step_up: [severe]\n")],
        [
            "routes.yaml:18:15: entry 1 of 'step_up' is the text 'severe', but must be one of low, medium, high",
        ],
    ),
    "a rotation of nobody": (
        [("bundle.yaml", CHANGES, f"rotations:\n  - {{id: weekly, members: [], starts_on: 2026-11-02}}\n{CHANGES}")],
        [
            "bundle.yaml:5:27: 'members' has no entries: it needs at least 1",
        ],
    ),
    "high tier in a digest": (
        [("bundle.yaml", CHANGES, f"attention: {{digest_tiers: [high]}}\n{CHANGES}")],
        [
            "bundle.yaml:4:28: requests of tier high are never gathered, each comes by itself; take high out of "
            "digest_tiers",
        ],
    ),
    # Conditions
    "an unknown variable": (
        [("risk.yaml", "when: action_type == 'refund.create'\n", "when: acton_type == 'refund.create'\n")],
        [
            "risk.yaml:6:13: no variable 'acton_type' here; did you mean 'action_type'?",
        ],
    ),
    "an unknown argument in a folded text": (
        [("risk.yaml", "arguments.amount_minor > 100000", "arguments.amount > 100000")],
        [
            "risk.yaml:13:19: no argument 'amount' in refund.create; did you mean 'amount_minor'?",
        ],
    ),
    "a wrong kind in a folded text": (
        [("risk.yaml", "> 100000", "> '100000'")],
        [
            "risk.yaml:13:34: arguments.amount_minor is a whole number and '100000' is a text: '>' cannot compare them",
        ],
    ),
    "a condition that does not parse, in quotes": (
        [("routes.yaml", "> 1000000", "> > 1000000")],
        [
            "routes.yaml:4:71: '>' is not expected here",
        ],
    ),
    "an argument that can be missing": (
        [("routes.yaml", "arguments.amount_minor > 1000000", "arguments.note == 'x'")],
        [
            "routes.yaml:4:56: arguments.note can be missing: ask has(arguments.note) && ... first",
        ],
    ),
    "a condition in a flow entry": (
        [("risk.yaml", "scores.financial >= 5", "scores.finance >= 5")],
        [
            "risk.yaml:16:33: no field 'finance' in scores; did you mean 'financial'?",
        ],
    ),
    "a condition that is too long": (
        [
            (
                "risk.yaml",
                "when: action_type == 'refund.create'\n",
                f"when: action_type == 'refund.create'{' || amount > 5' * 80}\n",
            )
        ],
        [
            "risk.yaml:6:13: 'when' has 1150 characters; the limit is 1000: shorten it",
        ],
    ),
    "a condition that is too deep": (
        [("risk.yaml", "when: action_type == 'refund.create'\n", f"when: {'(' * 25}amount > 5{')' * 25}\n")],
        [
            "risk.yaml:6:37: the condition nests deeper than 24 brackets: make several rules of it",
        ],
    ),
    "a condition that is too deep without brackets": (
        [
            (
                "risk.yaml",
                "when: action_type == 'refund.create'\n",
                f'when: "{"amount > 5 ? true : " * 49}false"\n',
            )
        ],
        [
            "risk.yaml:6:963: the condition nests deeper than 24: make several rules of it",
        ],
    ),
    "a condition with another quadratic macro": (
        [("risk.yaml", "when: action_type == 'refund.create'\n", "when: recipients.filter(r, r != '') == []\n")],
        [
            "risk.yaml:6:24: 'filter' is not allowed: its cost grows with the square of the list; use 'exists' or "
            "'all'",
        ],
    ),
    "a condition with too many loops": (
        [
            (
                "risk.yaml",
                "when: action_type == 'refund.create'\n",
                f"when: {' || '.join(['recipients.exists(r, r == region)'] * 3)}\n",
            )
        ],
        [
            "risk.yaml:6:98: 3 loops (exists, exists_one, all) in one condition; the limit is 2: make several rules "
            "of it",
        ],
    ),
    "a condition with a quadratic macro": (
        [("risk.yaml", "when: action_type == 'refund.create'\n", "when: recipients.map(r, r) == []\n")],
        [
            "risk.yaml:6:24: 'map' is not allowed: its cost grows with the square of the list; use 'exists' or 'all'",
        ],
    ),
}
