"""Executes GraphQL operations by plans: what to run is worked out once and kept as closures, which need no AST.

README.md says what it promises. The modules follow the GraphQL specification (October 2021): plan.py has operations
(§6.2) and selection sets (§6.3), fields.py arguments, resolvers and errors (§6.4.1, §6.4.2, §6.4.4), values.py the
completion of values (§6.4.3).
"""

from core.execution.plan import Plans, Unplannable
from core.execution.resolvers import Attribute, from_source

__all__ = ["Attribute", "Plans", "Unplannable", "from_source"]
