"""One module per part of the site; a view reads the request, asks workflows, renders a page."""
