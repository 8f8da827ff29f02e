"""The thesis's recipe for SAM, whose embeddings and layers that no gradient reaches do not decay."""

_base_ = './thesis.py'

optim_wrapper = dict(constructor='KeepUnreachedConstructor')
