/**
 * The parts of the OASIS vocabularies (version 4.0 of them, namespaces `Org.OData.*.V1`) that CSDL JSON needs when the vocabulary itself is
 * not at hand: which terms and which members of their records are no plain string, number or Boolean. `Org.OData.` is left out of all
 * names. Made from the vocabularies' XML.
 */

/** Kind of a term's or member's value, enumeration type (`enumMember Core.V1.Permission`), or record type. */
export const wellKnownTerms: Readonly<Record<string, string>> = {
  'Aggregation.V1.ApplySupported': 'Aggregation.V1.ApplySupportedType',
  'Aggregation.V1.ApplySupportedDefaults': 'Aggregation.V1.ApplySupportedBase',
  'Aggregation.V1.AvailableOnAggregates': 'Aggregation.V1.AvailableOnAggregatesType',
  'Aggregation.V1.ContextDefiningProperties': 'propertyPath',
  'Aggregation.V1.LeveledHierarchy': 'propertyPath',
  'Aggregation.V1.RecursiveHierarchy': 'Aggregation.V1.RecursiveHierarchyType',
  'Capabilities.V1.ChangeTracking': 'Capabilities.V1.ChangeTrackingType',
  'Capabilities.V1.CollectionPropertyRestrictions': 'Capabilities.V1.CollectionPropertyRestrictionsType',
  'Capabilities.V1.ConformanceLevel': 'enumMember Capabilities.V1.ConformanceLevelType',
  'Capabilities.V1.CountRestrictions': 'Capabilities.V1.CountRestrictionsType',
  'Capabilities.V1.DefaultCapabilities': 'Capabilities.V1.DefaultCapabilitiesType',
  'Capabilities.V1.DeleteRestrictions': 'Capabilities.V1.DeleteRestrictionsType',
  'Capabilities.V1.ExpandRestrictions': 'Capabilities.V1.ExpandRestrictionsType',
  'Capabilities.V1.FilterRestrictions': 'Capabilities.V1.FilterRestrictionsType',
  'Capabilities.V1.InsertRestrictions': 'Capabilities.V1.InsertRestrictionsType',
  'Capabilities.V1.IsolationSupported': 'enumMember Capabilities.V1.IsolationLevel',
  'Capabilities.V1.NavigationRestrictions': 'Capabilities.V1.NavigationRestrictionsType',
  'Capabilities.V1.SearchRestrictions': 'Capabilities.V1.SearchRestrictionsType',
  'Capabilities.V1.SortRestrictions': 'Capabilities.V1.SortRestrictionsType',
  'Capabilities.V1.UpdateRestrictions': 'Capabilities.V1.UpdateRestrictionsType',
  'Core.V1.AlternateKeys': 'Core.V1.AlternateKey',
  'Core.V1.DataModificationException': 'Core.V1.DataModificationExceptionType',
  'Core.V1.OptimisticConcurrency': 'propertyPath',
  'Core.V1.Permissions': 'enumMember Core.V1.Permission',
  'Core.V1.Revisions': 'Core.V1.RevisionType',
  'Validation.V1.ItemsOf': 'Validation.V1.ItemsOfType',
  'Validation.V1.MultipleOf': 'decimal',
}

/** The same for the members of record types. */
export const wellKnownMembers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Aggregation.V1.AggregatablePropertyType': { Property: 'propertyPath' },
  'Aggregation.V1.ApplySupportedBase': { Rollup: 'enumMember Aggregation.V1.RollupType' },
  'Aggregation.V1.ApplySupportedType': {
    Rollup: 'enumMember Aggregation.V1.RollupType',
    GroupableProperties: 'anyPropertyPath',
    AggregatableProperties: 'Aggregation.V1.AggregatablePropertyType',
  },
  'Aggregation.V1.AvailableOnAggregatesType': { RequiredProperties: 'propertyPath' },
  'Aggregation.V1.NavigationPropertyAggregationCapabilities': {
    NavigationProperty: 'navigationPropertyPath',
    Navigability: 'enumMember Capabilities.V1.NavigationType',
    FilterRestrictions: 'Capabilities.V1.FilterRestrictionsType',
    SearchRestrictions: 'Capabilities.V1.SearchRestrictionsType',
    SortRestrictions: 'Capabilities.V1.SortRestrictionsType',
    InsertRestrictions: 'Capabilities.V1.InsertRestrictionsType',
    UpdateRestrictions: 'Capabilities.V1.UpdateRestrictionsType',
    DeleteRestrictions: 'Capabilities.V1.DeleteRestrictionsType',
    ApplySupported: 'Aggregation.V1.ApplySupportedType',
  },
  'Aggregation.V1.RecursiveHierarchyType': {
    NodeProperty: 'propertyPath',
    ParentNavigationProperty: 'navigationPropertyPath',
  },
  'Authorization.V1.ApiKey': { Location: 'enumMember Authorization.V1.KeyLocation' },
  'Capabilities.V1.ChangeTrackingType': {
    FilterableProperties: 'propertyPath',
    ExpandableProperties: 'navigationPropertyPath',
  },
  'Capabilities.V1.CollectionPropertyRestrictionsType': {
    CollectionProperty: 'propertyPath',
    FilterRestrictions: 'Capabilities.V1.FilterRestrictionsType',
    SearchRestrictions: 'Capabilities.V1.SearchRestrictionsType',
    SortRestrictions: 'Capabilities.V1.SortRestrictionsType',
  },
  'Capabilities.V1.CountRestrictionsType': {
    NonCountableProperties: 'propertyPath',
    NonCountableNavigationProperties: 'navigationPropertyPath',
  },
  'Capabilities.V1.DefaultCapabilitiesType': {
    SearchRestrictions: 'Capabilities.V1.SearchRestrictionsType',
    UpdateRestrictions: 'Capabilities.V1.UpdateRestrictionsBase',
  },
  'Capabilities.V1.DeleteRestrictionsType': { NonDeletableNavigationProperties: 'navigationPropertyPath' },
  'Capabilities.V1.ExpandByKeyRestrictionsType': {
    NonExpandableProperties: 'navigationPropertyPath',
    NonExpandableStreamProperties: 'propertyPath',
  },
  'Capabilities.V1.ExpandRestrictionsType': {
    NonExpandableProperties: 'navigationPropertyPath',
    NonExpandableStreamProperties: 'propertyPath',
  },
  'Capabilities.V1.FilterExpressionRestrictionType': { Property: 'propertyPath' },
  'Capabilities.V1.FilterRestrictionsType': {
    RequiredProperties: 'propertyPath',
    NonFilterableProperties: 'propertyPath',
    FilterExpressionRestrictions: 'Capabilities.V1.FilterExpressionRestrictionType',
  },
  'Capabilities.V1.InsertRestrictionsType': {
    NonInsertableProperties: 'propertyPath',
    NonInsertableNavigationProperties: 'navigationPropertyPath',
    RequiredProperties: 'propertyPath',
  },
  'Capabilities.V1.NavigationPropertyRestriction': {
    NavigationProperty: 'navigationPropertyPath',
    Navigability: 'enumMember Capabilities.V1.NavigationType',
    FilterRestrictions: 'Capabilities.V1.FilterRestrictionsType',
    SearchRestrictions: 'Capabilities.V1.SearchRestrictionsType',
    SortRestrictions: 'Capabilities.V1.SortRestrictionsType',
    InsertRestrictions: 'Capabilities.V1.InsertRestrictionsType',
    UpdateRestrictions: 'Capabilities.V1.UpdateRestrictionsType',
    DeleteRestrictions: 'Capabilities.V1.DeleteRestrictionsType',
  },
  'Capabilities.V1.NavigationRestrictionsType': {
    Navigability: 'enumMember Capabilities.V1.NavigationType',
    RestrictedProperties: 'Capabilities.V1.NavigationPropertyRestriction',
  },
  'Capabilities.V1.SearchRestrictionsType': { UnsupportedExpressions: 'enumMember Capabilities.V1.SearchExpressions' },
  'Capabilities.V1.SortRestrictionsType': {
    AscendingOnlyProperties: 'propertyPath',
    DescendingOnlyProperties: 'propertyPath',
    NonSortableProperties: 'propertyPath',
  },
  'Capabilities.V1.UpdateRestrictionsBase': { UpdateMethod: 'enumMember Capabilities.V1.HttpMethod' },
  'Capabilities.V1.UpdateRestrictionsType': {
    UpdateMethod: 'enumMember Capabilities.V1.HttpMethod',
    NonUpdatableProperties: 'propertyPath',
    NonUpdatableNavigationProperties: 'navigationPropertyPath',
    RequiredProperties: 'propertyPath',
  },
  'Core.V1.AlternateKey': { Key: 'Core.V1.PropertyRef' },
  'Core.V1.DataModificationExceptionType': { failedOperation: 'enumMember Core.V1.DataModificationOperationKind' },
  'Core.V1.PropertyRef': { Name: 'propertyPath' },
  'Core.V1.RevisionType': { Kind: 'enumMember Core.V1.RevisionKind' },
  'Temporal.V1.TimelineVisible': { PeriodStart: 'propertyPath', PeriodEnd: 'propertyPath', ObjectKey: 'propertyPath' },
  'Validation.V1.ItemsOfType': { path: 'navigationPropertyPath', target: 'navigationPropertyPath' },
}
