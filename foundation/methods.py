"""One address that different rooms answer, each its own methods."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from foundation.errors import problem
from foundation.refusals import Refusal

View = Callable[..., HttpResponseBase]


def only_read(view: View) -> View:
    """Return the view that answers GET and HEAD by `view`, and other methods as the API does."""
    return by_method(GET=view)


def by_method(**views: View) -> View:
    """Return the view that hands a request to the one of `views` named like its method.

    HEAD goes where GET goes, and OPTIONS to no view unless one is named. Each view brings its own authentication; for
    the API's description, list them in their rooms' `urls.py` too.
    """
    methods = {*views, "OPTIONS"} | ({"HEAD"} if "GET" in views else set())
    allow = {"Allow": ", ".join(sorted(methods))}

    @csrf_exempt
    def dispatch(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = request.method or ""
        view = views.get("GET" if method == "HEAD" else method)
        if method == "OPTIONS":
            response = view(request, *args, **kwargs) if view else HttpResponse(status=204)
            response.headers["Allow"] = allow["Allow"]
            return response
        if view:
            return view(request, *args, **kwargs)
        return problem(Refusal("method_not_allowed", headers=allow), request)

    return dispatch
