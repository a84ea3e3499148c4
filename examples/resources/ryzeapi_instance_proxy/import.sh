# The import ID is the name of the instance.
terraform import ryzeapi_instance_proxy.shop shop-1
