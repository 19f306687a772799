using System;
using System.IO;

namespace Microsoft.SqlServer.Server
{
    public enum Format { Unknown, Native, UserDefined }
    public enum DataAccessKind { None, Read }
    public enum SystemDataAccessKind { None, Read }

    public interface IBinarySerialize { void Read(BinaryReader r); void Write(BinaryWriter w); }

    public sealed class InvalidUdtException : SystemException { }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, AllowMultiple = false)]
    public sealed class SqlUserDefinedTypeAttribute : Attribute
    {
        public SqlUserDefinedTypeAttribute(Format format) { Format = format; }
        public Format Format { get; }
        public int MaxByteSize { get; set; }
        public bool IsFixedLength { get; set; }
        public bool IsByteOrdered { get; set; }
        public string ValidationMethodName { get; set; }
        public string Name { get; set; }
    }

    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct)]
    public sealed class SqlUserDefinedAggregateAttribute : Attribute
    {
        public const int MaxByteSizeValue = 8000;
        public SqlUserDefinedAggregateAttribute(Format format) { Format = format; }
        public Format Format { get; }
        public int MaxByteSize { get; set; }
        public bool IsInvariantToDuplicates { get; set; }
        public bool IsInvariantToNulls { get; set; }
        public bool IsInvariantToOrder { get; set; }
        public bool IsNullIfEmpty { get; set; }
        public string Name { get; set; }
    }

    [AttributeUsage(AttributeTargets.Field | AttributeTargets.Property | AttributeTargets.ReturnValue | AttributeTargets.Parameter)]
    public class SqlFacetAttribute : Attribute
    {
        public bool IsFixedLength { get; set; }
        public int MaxSize { get; set; }
        public int Precision { get; set; }
        public int Scale { get; set; }
        public bool IsNullable { get; set; }
    }

    [AttributeUsage(AttributeTargets.Method)]
    public class SqlFunctionAttribute : Attribute
    {
        public bool IsDeterministic { get; set; }
        public DataAccessKind DataAccess { get; set; }
        public SystemDataAccessKind SystemDataAccess { get; set; }
        public bool IsPrecise { get; set; }
        public string Name { get; set; }
        public string TableDefinition { get; set; }
        public string FillRowMethodName { get; set; }
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class SqlMethodAttribute : SqlFunctionAttribute
    {
        public bool OnNullCall { get; set; }
        public bool IsMutator { get; set; }
        public bool InvokeIfReceiverIsNull { get; set; }
    }
}
