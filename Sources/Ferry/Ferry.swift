@_exported public import FerryData
@_exported public import FerryEngine
@_exported public import FerryInterchange
@_exported public import FerryRuntime
@_exported public import OrderedCollections
