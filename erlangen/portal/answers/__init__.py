"""What the portal answers, as types: every JSON of the API, of a page's own data and of the event stream.

The front end's `types.ts` is made from this file (`python -m erlangen.portal.types`), so that both sides say the same.
Numbers are finite or null; where a figure is null, `absent` beside it says why. `text` is the figure as it is read:
value and bar together, cut at the second digit of the bar, with its unit. Links (`href`) are relative to the root of
the site and end in "/" where they are pages.
"""
