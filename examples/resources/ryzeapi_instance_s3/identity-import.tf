import {
  to = ryzeapi_instance_s3.shop
  identity = {
    instance = "shop-1"
  }
}
