# The import ID is the name of the instance.
terraform import ryzeapi_instance_s3.shop shop-1
