import {
  to = ryzeapi_instance_s3.shop
  id = "shop-1"
}
