"""A Django view that does nothing, without any middleware: the most that Django can answer here."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(SECRET_KEY="empty", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", headers={"Content-Length": "2"})


urlpatterns = [path("v1/logs", empty)]
application = get_wsgi_application()
