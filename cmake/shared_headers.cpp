// Nothing but the owner of the headers that cmake/SharedHeaders.cmake precompiles.
