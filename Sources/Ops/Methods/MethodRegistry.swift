/// Every method and primitive that a pipeline can name.
public enum MethodRegistry {
  /// In the order in which help and reference list them: methods by family, then primitives.
  public static let all: [any Method.Type] = [
    Linear.self, Lerp.self, CheckpointAverage.self, SparseSoup.self, Slerp.self, NuSlerp.self, MultiSlerp.self,
    Karcher.self,
    TaskArithmetic.self, Negate.self, Analogy.self, Extrapolate.self, Ties.self, DareLinear.self, DareTies.self,
    Della.self, DellaLinear.self,
    Breadcrumbs.self, BreadcrumbsTies.self,
    MagMax.self, Pcb.self, Widen.self, Sce.self, RamMerge.self, RamPlus.self, TallMask.self, Consensus.self, Emr.self,
    ModelStock.self, NearSwap.self, ArceeFusion.self, ChatVector.self,
    Fisher.self, Atlas.self, Dam.self, Varm.self, Rws.self, HiMerging.self, EvoMerging.self, LwPtv.self, TiesSlack.self,
    Passthrough.self, Stack.self, LayerSwap.self, LiNeS.self, LiNeSMulti.self,
    Subtract.self, Add.self, Scale.self, Multiply.self, Mean.self,
    Trim.self, Drop.self, Elect.self, Agree.self, Select.self,
    Absolute.self, Sign.self, Minimum.self, Maximum.self, Clip.self, Cast.self,
  ]

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.declaration.name, $0) })

  /// The method of a name.
  public static func method(named name: String) -> (any Method.Type)? { byName[name] }

  public static func declaration(named name: String) -> MethodDeclaration? { byName[name]?.declaration }

  /// All names, in the order of ``all``.
  public static var names: [String] { all.map { $0.declaration.name } }
}
