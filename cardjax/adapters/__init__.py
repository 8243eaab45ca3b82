"""The market where another library's environment is used; each module needs its library, and none
holds a rule.
"""
