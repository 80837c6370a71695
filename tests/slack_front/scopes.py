"""What a bot must be allowed for each method of Slack's Web API that Remit calls or the front answers."""

from collections.abc import Collection

_HISTORY = {"C": "channels:history", "G": "groups:history", "D": "im:history"}
_READ = {"C": "channels:read", "G": "groups:read", "D": "im:read"}
SCOPES: dict[str, Collection[str]] = {
    "api.test": (),
    "auth.test": (),
    "apps.connections.open": (),
    "chat.postMessage": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "conversations.history": ("channels:history", "groups:history"),
    "conversations.replies": ("channels:history", "groups:history"),
    "conversations.info": ("channels:read", "groups:read"),
    "conversations.list": ("channels:read", "groups:read"),
    "conversations.members": ("channels:read", "groups:read"),
    "conversations.open": ("im:write",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
    "views.open": (),
    "views.push": (),
    "views.update": (),
    "views.publish": (),
}
"""By method: for one that looks at conversations, the scopes for public and private channels."""


def needed(method: str, channel: str) -> Collection[str]:
    """Return the scopes that a call needs; of a conversation only the one for its kind."""
    kinds = {"history": _HISTORY, "replies": _HISTORY, "info": _READ, "members": _READ}
    family, _, what = method.partition(".")
    if family == "conversations" and what in kinds and channel[:1] in kinds[what]:
        return (kinds[what][channel[:1]],)
    return SCOPES[method]
