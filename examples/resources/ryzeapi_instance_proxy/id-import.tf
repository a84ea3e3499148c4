import {
  to = ryzeapi_instance_proxy.shop
  id = "shop-1"
}
