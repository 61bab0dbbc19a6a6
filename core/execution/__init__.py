"""Executes GraphQL operations by plans: what to run is worked out once and, when it comes again, generated as code.

README.md says what it promises. The modules follow the GraphQL specification (October 2021): plan.py has operations
(§6.2), selected.py selection sets (§6.3), fields.py fields and their errors (§6.4), arguments.py their arguments
(§6.4.1), completion.py their execution and the completion of values (§6.4.3). generated.py makes Python code of these.
"""

from core.execution.plan import Plans, Unplannable
from core.execution.resolvers import Attribute, Expression, Serializer, from_source

__all__ = ["Attribute", "Expression", "Plans", "Serializer", "Unplannable", "from_source"]
