from catalog.images.admin.inline import ImageInline as ImageInline
from catalog.images.admin.inline import WithImages as WithImages
from catalog.images.admin.pages import ProductImageAdmin as ProductImageAdmin
from catalog.images.admin.shown import preview as preview
