"""The game and a replay viewer in a browser, `python -m cardjax.play.web`; needs the extra
`cardjax[web]`.

app.py          the routes: which function answers which request
players.py      whom visitors may play against, by label
setups.py       a new game's fields, read and checked
shown.py        games as the page's JSON
sessions.py     games in progress, by identifier
requests.py     bodies, read within limits
headers.py      the Host header and the security headers
connections.py  limits on connections
__main__.py     the command line
static/         the page: HTML, CSS and JavaScript, no build step
"""
