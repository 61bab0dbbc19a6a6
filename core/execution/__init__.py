"""Executes operations by plans: a selection is worked out once and then run as closures, without the AST.

A plan answers exactly what graphql-core's executor answers for synchronous resolvers, errors and their order included.
The parts follow the GraphQL specification (October 2021): plan.py §6.2 and §6.3, fields.py §6.4.1, §6.4.2 and §6.4.4,
values.py §6.4.3.
"""

from core.execution.plan import Plans, Unplannable

__all__ = ["Plans", "Unplannable"]
