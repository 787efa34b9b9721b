/// The arithmetic as a whole.
public enum Numerics {
  /// Raised with every change after which some method gives other bits than before: runs that were begun by another are not
  /// continued.
  public static let revision = 1
}
