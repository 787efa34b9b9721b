internal import WeirIO

/// The chat template that an output gets instead of its donor's.
public enum ChatTemplate: Hashable, Sendable {
  /// The one that most of the models have; of equally many, the donor's or else the first.
  case auto
  /// A template in Jinja.
  case text(String)

  /// The file in which loaders look first, and whose text is the template itself.
  static let fileName = "chat_template.jinja"
  static let configName = "tokenizer_config.json"
  /// Files that may hold a template, and are not copied where another one is given.
  static let fileNames: Set = [fileName, configName, "chat_template.json"]

  /// Reads `auto`, the name of a well-known template, or a template; `nil` for anything else.
  init?(_ text: String) {
    if text == "auto" {
      self = .auto
    } else if let known = Self.known.first(where: { $0.name == text }) {
      self = .text(known.text)
    } else if text.contains("{{") || text.contains("{%") {
      self = .text(text)
    } else {
      return nil
    }
  }

  /// The template of a model, by a reader of its small files: a file of its own, or a member of the tokenizer's config.
  static func template(_ read: (String) -> [UInt8]?) -> String? {
    if let text = read(fileName) { return String(decoding: text, as: UTF8.self) }
    for name in ["chat_template.json", configName] {
      guard let text = read(name), let value = try? JSON.parse(text) else { continue }
      if let template = value["chat_template"], !template.isNull { return template.string ?? JSON.text(template) }
    }
    return nil
  }

  /// Writes a template where loaders look for it, new ones and old.
  ///
  /// - Parameter config: the text of the tokenizer's config, where there is one; it then names the template, too.
  static func add(_ template: String, config: [UInt8]?, to folder: OutputFolder) throws(CheckpointError) {
    try folder.addFile(fileName, bytes: Array(template.utf8))
    guard let config, let config = try? JSON.parse(config), config.object != nil else { return }
    let patched = config.setting("chat_template", to: .string(template))
    try folder.addFile(configName, bytes: Array((JSON.text(patched, indent: 2) + "\n").utf8))
  }

  /// The names that may be given, for messages.
  static let names = ["auto"] + known.map(\.name)

  /// Prompts of model families, as their tokenizers expect them.
  private static let known: [(name: String, text: String)] = [
    (
      "alpaca",
      #"""
      {%- for message in messages -%}
        {%- if message.role == 'system' -%}
          {{- message.content | trim ~ '\n\n' -}}
        {%- elif message.role == 'user' -%}
          {{- '### Instruction:\n' ~ (message.content | trim) ~ '\n\n' -}}
        {%- elif message.role == 'user_context' -%}
          {{- '### Input:\n' ~ (message.content | trim) ~ '\n\n' -}}
        {%- elif message.role == 'assistant' -%}
          {{- '### Response:\n' ~ (message.content | trim) ~ '\n\n' -}}
        {%- endif -%}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
        {{- '### Response:\n' -}}
      {%- endif -%}
      """#
    ),
    (
      "chatml",
      #"""
      {%- for message in messages -%}
        {{- '<|im_start|>' ~ message.role ~ '\n' ~ message.content ~ '<|im_end|>\n' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
        {{- '<|im_start|>assistant\n' -}}
      {%- endif -%}
      """#
    ),
    (
      "exaone",
      #"""
      {%- if messages and messages[0].role != 'system' -%}
        {{- '[|system|][|endofturn|]\n' -}}
      {%- endif -%}
      {%- for message in messages -%}
        {{- '[|' ~ message.role ~ '|]' ~ message.content ~ ('\n' if message.role == 'user' else '[|endofturn|]\n') -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
        {{- '[|assistant|]' -}}
      {%- endif -%}
      """#
    ),
    (
      "llama3",
      #"""
      {{- bos_token -}}
      {%- for message in messages -%}
        {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' ~ (message.content | trim) ~ '<|eot_id|>' -}}
      {%- endfor -%}
      {%- if add_generation_prompt -%}
        {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
      {%- endif -%}
      """#
    ),
    (
      "mistral",
      #"""
      {%- set system = messages[0].content ~ '\n\n' if messages and messages[0].role == 'system' else '' -%}
      {{- bos_token -}}
      {%- for message in messages if message.role != 'system' -%}
        {%- if message.role == 'user' -%}
          {{- ' [INST] ' ~ (system if loop.first else '') ~ message.content ~ ' [/INST]' -}}
        {%- elif message.role == 'assistant' -%}
          {{- ' ' ~ message.content ~ eos_token -}}
        {%- else -%}
          {{- raise_exception('only system, user and assistant may speak') -}}
        {%- endif -%}
      {%- endfor -%}
      """#
    ),
  ]
}

extension Form<ChatTemplate> {
  /// `auto`, a name, or the template itself.
  static var chatTemplate: Form {
    let expected = "\(Wording.list(ChatTemplate.names)), or a template in Jinja"
    return Form<String>("a template", schema: { _ in .object([("type", .string("string"))]) }) { value, place, reader in
      guard let text = value.string else {
        reader.mismatch(value, at: place, expected: expected)
        return nil
      }
      return text
    }.map { text, value, reader in
      if let template = ChatTemplate(text) { return template }
      let hint = reader.hint(for: text, in: ChatTemplate.names)
      reader.error(at: value.offset, "'chat_template' is \(MessageText.quoted(text)), expected \(expected)\(hint)")
      return nil
    }
  }
}
