"""Whether a condition makes sense, before it is ever asked: its names, its types, and what may be missing.

    parsing     what is written, read into a tree
    tree        the parts of a condition, each with the character where it stands
    shapes      what a value can be: its kinds, its fields, the values a schema lists
    variables   what each variable of a condition can be, for the action types it is about
    operators   what operators and
    functions   functions make of the kinds of their operands
    narrowing   what holds where a part of a condition is asked: after `has(x) &&`, x is there
    checking    all of it together: what is wrong with a condition, and where

Evaluation does not depend on any of it (`domain.expression`): what is only found here fails closed there.
"""
