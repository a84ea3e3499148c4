# The name of the instance, and after a slash the label.
terraform import ryzeapi_instance_webhook.calls shop-1/calls
