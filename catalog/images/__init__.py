"""Product images: untrusted bytes in, renditions out. The pool's children import from here: no Django in this file."""
