from catalog.admin import attributes as attributes
from catalog.admin import bulk as bulk
from catalog.admin import catalogue as catalogue
from catalog.admin import categories as categories
from catalog.admin import groups as groups
from catalog.admin import searches as searches
from catalog.admin import steering as steering
