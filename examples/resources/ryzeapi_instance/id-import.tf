import {
  to = ryzeapi_instance.shop
  id = "shop-1"
}
