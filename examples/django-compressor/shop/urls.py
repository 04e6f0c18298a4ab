from django.conf import settings
from django.urls import path, re_path
from django.views.static import serve

from shop.views import page

urlpatterns = [
    path("", page),
    # In production a web server in front does this.
    re_path(r"^static/(?P<path>.+)$", serve, {"document_root": settings.STATIC_ROOT}),
]
