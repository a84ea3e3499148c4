# The import ID is the name of the instance.
terraform import ryzeapi_instance.shop shop-1
