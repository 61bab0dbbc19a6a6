"""Product images: uploads of staff and the renditions made from them.

The children of the pool import this package, so this file imports no Django.
"""
